"""Mastra (scope `@mastra/…`): OpenTelemetry's words for calls, its own types of spans for the rest.

A generation (`model_generation`) is the call; the steps and inferences inside repeat its tokens and are no calls.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.turns import Message, messages, parsed, put, put_messages, text, tool_calls

_TYPE: Final = "mastra.span.type"
_SPOKEN: Final = ("agent_run", "model_generation")
_STEPS: Final = (
    "model_step", "model_inference", "processor_run", "workflow_step", "workflow_conditional", "workflow_conditional_eval", "workflow_parallel",
    "workflow_loop", "workflow_sleep", "workflow_wait_event",
)  # fmt: skip
_OPERATIONS: Final = {
    "agent_run": "invoke_agent",
    "workflow_run": "invoke_workflow",
    **dict.fromkeys(("model_generation", "llm_generation"), "chat"),
    **dict.fromkeys(("tool_call", "mcp_tool_call", "provider_tool_call"), "execute_tool"),
    "rag_embedding": "embeddings",
    **dict.fromkeys(_STEPS, "agent_step"),
}


def step(span: SpanFacts) -> None:
    """Where the sender gives the type of its span as the operation, which then is none that is known."""
    if span.found.get(_TYPE, "").lower() in _STEPS:
        put(span.found, "mission_control.entity.type", "script")


def tool(span: SpanFacts) -> None:
    """Id, arguments and result of a tool are in `mastra.tool_call.*` or `mastra.mcp_tool_call.*`; the latter name the server by its address."""
    found, kind = span.found, span.found.get(_TYPE, "").lower()
    if _OPERATIONS.get(kind) == "execute_tool":
        put(found, "gen_ai.tool.name", found.get(f"mastra.{kind}.toolId", ""))
        put(found, "gen_ai.tool.call.id", found.get(f"mastra.{kind}.toolCallId", ""))
        put(found, "gen_ai.tool.call.arguments", found.get(f"mastra.{kind}.input", ""))
        put(found, "gen_ai.tool.call.result", found.get(f"mastra.{kind}.output", ""))
    if kind == "mcp_tool_call":
        put(found, "mission_control.mcp.id", found.get("server.address", ""))


def conversation(span: SpanFacts) -> None:
    """`mastra.<type>.input` and `.output` of an agent run or a generation are messages."""
    found, kind = span.found, span.found.get(_TYPE, "").lower()
    if kind in _SPOKEN:
        given = found.get(f"mastra.{kind}.input")
        put_messages(found, "gen_ai.input.messages", messages(_value(given)))
        put_messages(found, "gen_ai.output.messages", _answer(_value(found.get(f"mastra.{kind}.output"))))


def _value(said: str | None) -> Any:
    """What is no JSON is a text."""
    value = parsed(said)
    return value if isinstance(value, dict | list) else said


def _answer(value: Any) -> list[Message]:
    """`{text, object, toolCalls}`, or messages."""
    if not isinstance(value, Mapping) or {"role", "messages"} & value.keys():
        return messages(value, "assistant")
    spoken = value.get("text") or value.get("object")
    parts = [*([text(spoken)] if spoken else []), *tool_calls(value.get("toolCalls"))]
    return [{"role": "assistant", "parts": parts}] if parts else []


MASTRA: Final = Dialect(
    name="mastra",
    title="Mastra",
    scopes=("@mastra/",),
    markers=frozenset({_TYPE, "mastra.metadata.threadId", "mastra.metadata.runId"}),
    names={
        "user.id": ("mastra.metadata.userId", "mastra.metadata.resourceId"),
        "gen_ai.usage.reasoning.output_tokens": ("gen_ai.usage.reasoning_tokens",),
        "gen_ai.usage.cache_read.input_tokens": ("gen_ai.usage.cached_input_tokens",),
    },
    operations={_TYPE: _OPERATIONS},
    rules=(step, tool, conversation),
    histories=tuple(f"mastra.{kind}.{side}" for kind in _SPOKEN for side in ("input", "output")),
    switch_on="`new OtelExporter({ provider: { custom: { endpoint } } })` from `@mastra/otel-exporter` among the exporters of `observability`.",
)  # fmt: skip
