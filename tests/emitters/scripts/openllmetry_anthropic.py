"""OpenLLMetry's instrumentation of anthropic."""

import anthropic_chat
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from sending import agent, sending

with sending():
    AnthropicInstrumentor().instrument()
    with agent("conv-openllmetry-anthropic"):
        anthropic_chat.converse()
