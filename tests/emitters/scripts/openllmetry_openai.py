"""OpenLLMetry's instrumentation of openai."""

import openai_chat
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from sending import agent, sending

with sending():
    OpenAIInstrumentor().instrument()
    with agent("conv-openllmetry-openai"):
        openai_chat.converse()
