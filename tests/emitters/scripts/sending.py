"""What every script does: a tracer provider that sends to the collector of the environment, and what the conversation is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SYSTEM = "You are a support agent."
QUESTION = "Where is order A-1187?"
PARAMETERS = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
TOOL = {"type": "function", "function": {"name": "lookup_order", "description": "Look up an order", "parameters": PARAMETERS}}


def lookup_order(order_id: str) -> str:
    """Look up an order"""
    return f"shipped {order_id}"


@contextmanager
def sending() -> Iterator[TracerProvider]:
    """The global provider; all is sent when it ends."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield provider
    finally:
        provider.shutdown()


@contextmanager
def agent(conversation: str) -> Iterator[None]:
    """A span of one's own around what an instrumentation of a library sees."""
    said = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", "gen_ai.conversation.id": conversation}
    with trace.get_tracer("my-agent").start_as_current_span("invoke_agent support", attributes=said):
        yield
