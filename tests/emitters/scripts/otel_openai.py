"""OpenTelemetry's own instrumentation of openai, with messages on its spans."""

import openai_chat
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from sending import agent, sending

with sending():
    OpenAIInstrumentor().instrument()
    with agent("conv-otel-openai"):
        openai_chat.converse()
