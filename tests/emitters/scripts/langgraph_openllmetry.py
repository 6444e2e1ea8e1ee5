"""LangGraph seen by OpenLLMetry."""

from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from sending import sending

with sending():
    LangchainInstrumentor().instrument()
    import graph

    graph.run("thread-openllmetry")
