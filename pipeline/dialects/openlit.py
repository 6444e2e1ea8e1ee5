"""OpenLIT (scope `openlit`): OpenTelemetry's words of its time, with cost, and with names of its own beside them."""

from typing import Final

from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.older_events import whole
from pipeline.dialects.turns import put, put_messages

_ENTITIES: Final = {
    "framework": "directive",
    "workflow": "directive",
    "agent": "agent",
    "vectordb": "script",
    "task": "script",
    "tool": "tool",
}


def entity(span: SpanFacts) -> None:
    """Operations that only OpenLIT has: a framework's span names the model of the calls inside, and is none of them."""
    put(span.found, "mission_control.entity.type", _ENTITIES.get(span.found.get("gen_ai.operation.name", "").lower(), ""))


def conversation(span: SpanFacts) -> None:
    """Contents as attributes, in versions that do not write them as events."""
    for own, canonical, role in (
        ("gen_ai.content.prompt", "gen_ai.input.messages", "user"),
        ("gen_ai.content.completion", "gen_ai.output.messages", "assistant"),
    ):
        if said := span.found.get(own):
            put_messages(span.found, canonical, whole(said, role))


OPENLIT: Final = Dialect(
    name="openlit",
    title="OpenLIT",
    scopes=("openlit",),
    markers=frozenset({"gen_ai.endpoint", "gen_ai.openai.thread.id"}),
    names={
        "gen_ai.conversation.id": ("gen_ai.openai.thread.id",),
        "mission_control.cost_usd": ("gen_ai.usage.cost",),
        "user.id": ("gen_ai.user.id", "gen_ai.request.user"),
        "gen_ai.tool.call.arguments": ("gen_ai.tool.args", "gen_ai.tool.input"),
        "gen_ai.tool.call.result": ("gen_ai.tool.output",),
        "gen_ai.response.finish_reasons": ("gen_ai.response.finish_reason",),
        "gen_ai.response.time_to_first_chunk": ("gen_ai.server.time_to_first_token", "gen_ai.server.ttft"),
        "gen_ai.usage.cache_read.input_tokens": ("gen_ai.usage.prompt_tokens_details.cache_read",),
        "gen_ai.usage.cache_creation.input_tokens": ("gen_ai.usage.prompt_tokens_details.cache_write",),
        "gen_ai.usage.reasoning.output_tokens": ("gen_ai.usage.completion_tokens_details.reasoning", "gen_ai.usage.reasoning_tokens"),
    },
    operations={"gen_ai.type": {"chat": "chat", "embedding": "embeddings"}},
    rules=(entity, conversation),
    histories=("gen_ai.content.prompt", "gen_ai.content.completion"),
    switch_on="`openlit.init(otlp_endpoint=…)`, or OTEL_EXPORTER_OTLP_ENDPOINT.",
)
