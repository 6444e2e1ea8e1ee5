"""OpenLLMetry, the instrumentations of Traceloop: `traceloop.*`, `llm.*`, and messages with their place in the name.

Newer versions speak the standard vocabulary; those spans bear none of the marks below and are left alone.
"""

from ast import literal_eval
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from pipeline.dialects.chat import last_user_text, message, messages_in, parsed, plain_message, write
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.indexed import Entry, Lists, entries, is_short, leaf, tree
from pipeline.dialects.langgraph import pauses, tool_call_id
from pipeline.dialects.usage import add_input_tokens
from pipeline.vocabulary import STEP_STATUS

KIND: Final = "traceloop.span.kind"
OPERATION: Final = "gen_ai.operation.name"
ENTITY: Final = "traceloop.entity."
PROPERTIES: Final = "traceloop.association.properties."
LITERAL_LENGTH: Final = 4_096
"""Longer arguments in Python's notation stay as they are."""
_MESSAGES: Final = ("gen_ai.prompt.", "gen_ai.completion.", "llm.prompts.", "llm.completions.")
_LISTS: Final = Lists(*_MESSAGES)
REMEMBERED: Final = 5_000
"""Messages."""
_SCOPES: Final = (
    "alephalpha", "agno", "bedrock", "cohere", "crewai", "groq", "haystack", "llamaindex", "mcp", "mistralai", "ollama", "openai.",
    "replicate", "sagemaker", "together", "transformers", "voyageai", "watsonx", "writer",
)  # fmt: skip
"""Under names that OpenTelemetry's own instrumentations have too (anthropic, langchain, vertexai, ...) the marks decide."""
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "gen_ai.usage.output_tokens": ("gen_ai.usage.completion_tokens",),
    "gen_ai.usage.cache_read.input_tokens": ("gen_ai.usage.cache_read_input_tokens",),
    "gen_ai.usage.cache_creation.input_tokens": ("gen_ai.usage.cache_creation_input_tokens",),
    "gen_ai.usage.reasoning.output_tokens": ("gen_ai.usage.reasoning_tokens",),
    "gen_ai.response.finish_reasons": ("gen_ai.completion.0.finish_reason", "llm.response.finish_reason"),
    "user.id": (PROPERTIES + "user_id",),
}
_OPERATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "llm.request.type": {
        "chat": "chat", "completion": "text_completion", "embedding": "embeddings", "rerank": "rerank", "agent": "invoke_agent",
        "tool": "execute_tool",
    },
    KIND: {"workflow": "invoke_workflow", "task": "execute_task", "agent": "invoke_agent", "tool": "execute_tool"},
}  # fmt: skip


def _messages(span: SpanFacts) -> None:
    """`gen_ai.prompt.N.*`, `gen_ai.completion.N.*`, the older `llm.prompts.N.*`, or all of them as JSON in `gen_ai.prompt` and
    `gen_ai.completion`."""
    found = span.found
    prompts, completions, old_prompts, old_completions = _LISTS.entries(found)
    asked = _indexed(prompts or old_prompts, "user") or messages_in(parsed(found.get("gen_ai.prompt", "")), "user")
    answered = _indexed(completions or old_completions, "assistant") or messages_in(parsed(found.get("gen_ai.completion", "")), "assistant")
    if found.get(OPERATION) != "execute_tool":
        write(found, "gen_ai.input.messages", asked)
        write(found, "gen_ai.output.messages", answered)


def _indexed(listed: list[Entry], role: str) -> list[dict[str, Any]]:
    return [_said(entry, role) for entry in listed]


def _said(entry: Entry, role: str) -> dict[str, Any]:
    """One message, not to be changed: the next call repeats it, and finds it again."""
    return _remembered(entry, role) if is_short(entry) else _translated(entry, role)


@lru_cache(REMEMBERED)
def _remembered(entry: Entry, role: str) -> dict[str, Any]:
    return _translated(entry, role)


def _translated(entry: Entry, role: str) -> dict[str, Any]:
    if len(entry) == 2 and entry[0][0] == "role" and entry[1][0] == "content" and not entry[1][1].startswith("[{"):
        return plain_message(entry[0][1] or role, entry[1][1])
    return message(_chat_message(tree(entry)), role)


def _chat_message(said: dict[str, Any]) -> dict[str, Any]:
    content = leaf(said, "content")
    blocks = parsed(content) if content.startswith("[{") else content
    typed = isinstance(blocks, list) and all(isinstance(block, dict) and "type" in block for block in blocks)
    calls = [{name: leaf(entry, name) or None for name in ("id", "name", "arguments")} for entry in entries(said.get("tool_calls"))]
    return {
        "role": leaf(said, "role"),
        "content": blocks if typed else content,
        "tool_calls": calls,
        "tool_call_id": leaf(said, "tool_call_id") or None,
        "finish_reason": leaf(said, "finish_reason") or None,
    }


def _tool(span: SpanFacts) -> None:
    """Name, arguments and result of a tool are in `traceloop.entity.name`, `.input` and `.output`."""
    found = span.found
    if found.get(OPERATION) != "execute_tool":
        return
    found.setdefault("gen_ai.tool.name", found.get(ENTITY + "name") or span.name.removesuffix(".tool"))
    if value := found.get(ENTITY + "input"):
        found.setdefault("gen_ai.tool.call.arguments", arguments(value))
    if value := found.get(ENTITY + "output"):
        found.setdefault("gen_ai.tool.call.result", value)
        if call := tool_call_id(value):
            found.setdefault("gen_ai.tool.call.id", call)


def arguments(value: str) -> str:
    """A tool's arguments without LangChain's `{"input_str": ..., "inputs": ...}` around them, where the text is in Python's notation."""
    said = parsed(value)
    if not isinstance(said, dict) or "input_str" not in said:
        return value
    inner = said.get("inputs") or said["input_str"]
    if isinstance(inner, str) and inner.startswith("{") and len(inner) <= LITERAL_LENGTH:
        inner = _literal(inner)
    try:
        return inner if isinstance(inner, str) else orjson.dumps(inner).decode()
    except orjson.JSONEncodeError:
        return value


def _literal(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _entity(span: SpanFacts) -> None:
    """An agent is called as its entity is; what was asked is in `traceloop.entity.input`; a workflow called `….mcp` is a server."""
    found = span.found
    operation = found.get(OPERATION)
    if operation == "invoke_agent":
        found.setdefault("gen_ai.agent.name", found.get(ENTITY + "name") or span.name.removesuffix(".agent"))
    if operation in ("invoke_agent", "invoke_workflow"):
        said = parsed(found.get(ENTITY + "input", ""))
        text = last_user_text(said.get("inputs") or said if isinstance(said, dict) else said)
        if text:
            found.setdefault("mission_control.user_input", text)
    workflow = found.get("traceloop.workflow.name", "")
    if workflow.endswith(".mcp"):
        found.setdefault("mission_control.mcp.id", workflow.removesuffix(".mcp"))


def _usage(span: SpanFacts) -> None:
    """`gen_ai.usage.prompt_tokens`, with the cached tokens where `llm.usage.total_tokens` shows that they lie beside it."""
    found = span.found
    total = found.get("llm.usage.total_tokens") or found.get("gen_ai.usage.total_tokens", "")
    add_input_tokens(found, found.get("gen_ai.usage.prompt_tokens", ""), found.get("gen_ai.usage.output_tokens", ""), total)


def _status(span: SpanFacts) -> None:
    """After pauses, which it calls failures too."""
    if span.found.get("gen_ai.task.status") == "failure":
        span.found.setdefault(STEP_STATUS, "error")


OPENLLMETRY: Final = Dialect(
    name="openllmetry",
    title="OpenLLMetry (Traceloop SDK): OpenAI, Anthropic, Bedrock, LangChain and LangGraph, LlamaIndex, CrewAI, MCP",
    scopes=("traceloop.tracer", "@traceloop/", "openllmetry", *("opentelemetry.instrumentation." + name for name in _SCOPES)),
    markers=frozenset(
        {
            KIND, ENTITY + "name", ENTITY + "path", ENTITY + "input", ENTITY + "output", "traceloop.workflow.name", PROPERTIES + "thread_id",
            PROPERTIES + "session_id", PROPERTIES + "user_id", "llm.request.type", "llm.usage.total_tokens", "gen_ai.task.status",
            "gen_ai.prompt.0.role", "gen_ai.prompt.0.content", "gen_ai.completion.0.role", "gen_ai.completion.0.content",
        }
    ),
    names=_NAMES,
    operations=_OPERATIONS,
    rules=(_messages, _tool, _entity, _usage, pauses, _status),
    histories=(*_MESSAGES, "llm.request.functions.", "gen_ai.prompt", "gen_ai.completion", ENTITY + "input", ENTITY + "output"),
    switch_on="TRACELOOP_BASE_URL=<collector> (HTTP) and `Traceloop.init()`; content is on unless TRACELOOP_TRACE_CONTENT=false",
)  # fmt: skip
