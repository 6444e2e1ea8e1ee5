"""LangSmith's OpenTelemetry export of LangChain and LangGraph runs: `langsmith.*`, inputs and outputs as whole JSON."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.dialects.chat import last_user_text, messages_in, parsed, write
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.langgraph import pauses, tool_call_id
from pipeline.dialects.usage import CACHED
from pipeline.vocabulary import STEP_TYPE

KIND: Final = "langsmith.span.kind"
METADATA: Final = "langsmith.metadata."
OPERATION: Final = "gen_ai.operation.name"
ENTITY: Final = "mission_control.entity.type"
ASKED: Final = "gen_ai.prompt"
ANSWERED: Final = "gen_ai.completion"
_TYPES: Final[Mapping[str, str]] = {"prompt": "script", "parser": "script", "retriever": "script"}
"""It calls prompts `chat` and retrievers `embeddings`; they call no model."""
_OPERATIONS: Final[Mapping[str, str]] = {
    "llm": "chat",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "embedding": "embeddings",
    "prompt": "execute_task",
    "parser": "execute_task",
}


def _kind(found: Mapping[str, str]) -> str:
    return found.get(KIND, "").lower()


def _type(span: SpanFacts) -> None:
    """`langsmith.span.kind` says the type where its operation says another."""
    if kind := _TYPES.get(_kind(span.found)):
        span.found[STEP_TYPE] = kind


def _chain(span: SpanFacts) -> None:
    """It says the operation is `chain`, which the standard has not; the outermost one is what a person started."""
    found = span.found
    if _kind(found) != "chain":
        return
    outermost = "langsmith.span.parent_id" not in found
    found.setdefault(ENTITY, "directive" if outermost else "script")
    if outermost and (text := last_user_text(parsed(found.get(ASKED, "")))):
        found.setdefault("mission_control.user_input", text)


def _messages(span: SpanFacts) -> None:
    """`gen_ai.prompt` and `gen_ai.completion` are all that went in and out, as JSON."""
    found = span.found
    if _kind(found) == "llm":
        write(found, "gen_ai.input.messages", _whole(found.get(ASKED, ""), "user"))
        write(found, "gen_ai.output.messages", _whole(found.get(ANSWERED, ""), "assistant"))


def _whole(value: str, role: str) -> list[dict[str, Any]]:
    return (messages_in(parsed(value), role) or messages_in(value, role)) if value else []


def _tool(span: SpanFacts) -> None:
    """The same two attributes are arguments and result of a tool, which is called as its span is."""
    found = span.found
    if _kind(found) != "tool":
        return
    found.setdefault("gen_ai.tool.name", found.get("gen_ai.serialized.name") or span.name)
    for canonical, own in (("gen_ai.tool.call.arguments", ASKED), ("gen_ai.tool.call.result", ANSWERED)):
        if value := found.get(own):
            found.setdefault(canonical, value)
    if call := tool_call_id(found.get(ANSWERED, "")):
        found.setdefault("gen_ai.tool.call.id", call)


def _details(span: SpanFacts) -> None:
    """LangChain's details of usage: they are part of the totals."""
    asked = parsed(span.found.get("gen_ai.usage.input_token_details", ""))
    answered = parsed(span.found.get("gen_ai.usage.output_token_details", ""))
    counts = (
        (asked, "cache_read", CACHED[0]),
        (asked, "cache_creation", CACHED[1]),
        (answered, "reasoning", "gen_ai.usage.reasoning.output_tokens"),
    )
    for said, own, canonical in counts:
        if isinstance(said, dict) and isinstance(count := said.get(own), int):
            span.found.setdefault(canonical, str(count))


LANGSMITH: Final = Dialect(
    name="langsmith",
    title="LangSmith's OpenTelemetry export: LangChain, LangGraph and whatever is `@traceable`",
    scopes=("langsmith",),
    markers=frozenset(
        {
            KIND, METADATA + "thread_id", METADATA + "session_id", "langsmith.trace.session_name", "langsmith.trace.session_id",
            "langsmith.span.id", "langsmith.span.dotted_order",
        }
    ),
    names={
        "gen_ai.request.model": (METADATA + "ls_model_name",),
        "gen_ai.provider.name": (METADATA + "ls_provider",),
        "gen_ai.agent.name": (METADATA + "lc_agent_name",),
        "user.id": (METADATA + "user_id",),
    },
    operations={KIND: _OPERATIONS},
    rules=(_type, _chain, _messages, _tool, _details, pauses),
    histories=(ASKED, ANSWERED),
    switch_on="LANGSMITH_OTEL_ENABLED=true, LANGSMITH_TRACING=true, LANGSMITH_OTEL_ONLY=true, OTEL_EXPORTER_OTLP_ENDPOINT=<collector>",
)  # fmt: skip
