"""LangGraph seen by OpenInference."""

from openinference.instrumentation.langchain import LangChainInstrumentor
from sending import sending

with sending() as provider:
    LangChainInstrumentor().instrument(tracer_provider=provider)
    import graph

    graph.run("thread-openinference")
