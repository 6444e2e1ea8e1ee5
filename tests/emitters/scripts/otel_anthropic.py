"""OpenTelemetry's own instrumentation of anthropic, with messages on its spans."""

import anthropic_chat
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
from sending import agent, sending

with sending():
    AnthropicInstrumentor().instrument()
    with agent("conv-otel-anthropic"):
        anthropic_chat.converse()
