"""OpenInference: `openinference.span.kind`, `llm.*`, `tool.*`, and whole inputs and outputs as `input.value`, `output.value`."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from pipeline.dialects.chat import last_user_text, message, messages_in, parsed, plain_message, write
from pipeline.dialects.decisions import guardrail
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.indexed import Entry, Lists, branch, entries, is_short, leaf, tree
from pipeline.dialects.judgements import add_verdict
from pipeline.dialects.langgraph import pauses, tool_call_id
from pipeline.dialects.usage import add_input_tokens
from pipeline.values import number

KIND: Final = "openinference.span.kind"
OPERATION: Final = "gen_ai.operation.name"
COST: Final = "mission_control.cost_usd"
_MESSAGES: Final = Lists("llm.input_messages.", "llm.output_messages.")
_ROLE, _CONTENT = "message.role", "message.content"
REMEMBERED: Final = 5_000
"""Messages."""
_BETTER_THREADS: Final = frozenset(
    {
        "mission_control.thread.id", "gen_ai.conversation.id", "conversation.id", "traceloop.association.properties.thread_id",
        "langsmith.metadata.thread_id",
    }
)  # fmt: skip
"""Conventions, section 4: what names a thread better than `metadata` does."""
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "gen_ai.provider.name": ("llm.provider", "llm.system"),
    "gen_ai.response.model": ("llm.model_name", "embedding.model_name", "reranker.model_name"),
    "gen_ai.usage.output_tokens": ("llm.token_count.completion",),
    "gen_ai.usage.cache_read.input_tokens": ("llm.token_count.prompt_details.cache_read",),
    "gen_ai.usage.cache_creation.input_tokens": ("llm.token_count.prompt_details.cache_write",),
    "gen_ai.usage.reasoning.output_tokens": ("llm.token_count.completion_details.reasoning",),
    "gen_ai.response.finish_reasons": ("llm.finish_reason",),
    "gen_ai.agent.name": ("agent.name",),
    "gen_ai.tool.name": ("tool.name",),
    "gen_ai.tool.call.id": ("tool.id", "tool_call.id"),
    "gen_ai.prompt.name": ("prompt.id",),
    "gen_ai.prompt.version": ("llm.prompt_template.version",),
    COST: ("llm.cost.total",),
}
_OPERATIONS: Final[Mapping[str, str]] = {
    "llm": "chat",
    "embedding": "embeddings",
    "agent": "invoke_agent",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "reranker": "rerank",
    "evaluator": "execute_task",
    "guardrail": "execute_task",
    "prompt": "execute_task",
}


def _kind(found: Mapping[str, str]) -> str:
    return found.get(KIND, "").upper()


def _metadata(span: SpanFacts) -> None:
    """`metadata` is JSON that names the thread where LangChain runs."""
    found = span.found
    said = parsed(found.get("metadata", ""))
    if not isinstance(said, dict):
        said = {}
    thread = said.get("thread_id") or said.get("conversation_id")
    if isinstance(thread, str | int) and thread and _BETTER_THREADS.isdisjoint(found):
        found["gen_ai.conversation.id"] = str(thread)
    if isinstance(user := said.get("user_id"), str) and user:
        found.setdefault("user.id", user)
    if _kind(found) == "CHAIN":
        graph = said.get("ls_integration") == "langgraph" and "langgraph_node" not in said
        found.setdefault(OPERATION, "invoke_workflow" if graph or span.is_root else "agent_step")


def _messages(span: SpanFacts) -> None:
    """Of calls only: chains repeat the first message of their state."""
    found = span.found
    if _kind(found) not in ("LLM", ""):
        return
    inputs, outputs = _MESSAGES.entries(found)
    asked, answered = (
        [said for one in inputs if (said := _said(one, "user"))],
        [said for one in outputs if (said := _said(one, "assistant"))],
    )
    if _kind(found) == "LLM":
        asked = asked or _whole(found.get("input.value", ""), "user")
        answered = answered or _whole(found.get("output.value", ""), "assistant")
    elif asked or answered:
        found.setdefault(OPERATION, "chat")
    if reason := found.get("llm.finish_reason"):
        answered = [{"finish_reason": reason, **said} for said in answered]
    write(found, "gen_ai.input.messages", asked)
    write(found, "gen_ai.output.messages", answered)


def _whole(value: str, role: str) -> list[dict[str, Any]]:
    return (messages_in(parsed(value), role) or messages_in(value, role)) if value else []


def _said(entry: Entry, role: str) -> dict[str, Any] | None:
    """One message, not to be changed: the next call repeats it, and finds it again."""
    return _remembered(entry, role) if is_short(entry) else _translated(entry, role)


@lru_cache(REMEMBERED)
def _remembered(entry: Entry, role: str) -> dict[str, Any] | None:
    return _translated(entry, role)


def _translated(entry: Entry, role: str) -> dict[str, Any] | None:
    if len(entry) == 2 and entry[0][0] == _ROLE and entry[1][0] == _CONTENT:
        return plain_message(entry[0][1] or role, entry[1][1])
    said = branch(tree(entry), "message")
    return message(_chat_message(said), role) if said else None


def _chat_message(said: dict[str, Any]) -> dict[str, Any]:
    calls = [branch(entry, "tool_call") for entry in entries(said.get("tool_calls"))]
    if name := leaf(said, "function_call_name"):
        calls.append({"function": {"name": name, "arguments": leaf(said, "function_call_arguments_json")}})
    contents = [_block(branch(entry, "message_content")) for entry in entries(said.get("contents"))]
    return {
        "role": leaf(said, "role"),
        "content": [block for block in contents if block] or leaf(said, "content"),
        "tool_calls": calls,
        "tool_call_id": leaf(said, "tool_call_id") or None,
        "name": leaf(said, "name") or None,
    }


def _block(content: dict[str, Any]) -> dict[str, Any]:
    if address := leaf(content, "image", "image", "url"):
        return {"type": "image_url", "image_url": address}
    return {"type": leaf(content, "type") or "text", "text": leaf(content, "text")} if content else {}


def _tool(span: SpanFacts) -> None:
    """A tool is called as its span is, unless `tool.name` says otherwise; `input.value` and `output.value` are arguments and result."""
    found = span.found
    if _kind(found) != "TOOL":
        return
    found.setdefault("gen_ai.tool.name", span.name)
    for canonical, own in (("gen_ai.tool.call.arguments", "input.value"), ("gen_ai.tool.call.result", "output.value")):
        if value := found.get(own):
            found.setdefault(canonical, value)
    if call := tool_call_id(found.get("output.value", "")):
        found.setdefault("gen_ai.tool.call.id", call)


def _guardrail(span: SpanFacts) -> None:
    """It says in its output whether it was triggered, or fails."""
    if _kind(span.found) == "GUARDRAIL":
        output = span.found.get("output.value", "").lower()
        guardrail(span, "error.type" in span.found or any(said in output for said in _TRIGGERED))


def _evaluator(span: SpanFacts) -> None:
    """An evaluator's output is a judgement of the span around it, where it is a number or says a score or a label; `metadata` may say it too."""
    found = span.found
    if _kind(found) == "EVALUATOR":
        said = parsed(found.get("metadata", ""))
        name = said.get("evaluator_name") if isinstance(said, dict) else ""
        name = name if isinstance(name, str) and name else span.name
        add_verdict(found, name, found.get("output.value", ""))
        if isinstance(said, dict):
            add_verdict(found, name, found["metadata"])


_TRIGGERED: Final = ('"triggered": true', '"triggered":true', '"tripwire_triggered": true', '"tripwire_triggered":true')


def _agent(span: SpanFacts) -> None:
    """An agent is called as its span is; the last message of the user in `input.value` is what was asked."""
    found = span.found
    if _kind(found) == "AGENT":
        found.setdefault("gen_ai.agent.name", span.name)
    if found.get(OPERATION) in ("invoke_agent", "invoke_workflow") and (text := last_user_text(parsed(found.get("input.value", "")))):
        found.setdefault("mission_control.user_input", text)


_COSTS: Final = frozenset({"llm.cost.prompt", "llm.cost.completion"})


def _usage(span: SpanFacts) -> None:
    """`llm.token_count.prompt`, with the cached tokens where `.total` shows that they lie beside it; `llm.cost.prompt` and `.completion` where no
    total cost is stated."""
    found = span.found
    if prompt := found.get("llm.token_count.prompt"):
        add_input_tokens(found, prompt, found.get("llm.token_count.completion", ""), found.get("llm.token_count.total", ""))
    if COST not in found and not _COSTS.isdisjoint(found):
        parts = [number(found.get(part, "")) for part in ("llm.cost.prompt", "llm.cost.completion")]
        if cost := sum(part for part in parts if part):
            found[COST] = repr(cost)


def _model(span: SpanFacts) -> None:
    """The model that was asked for is one of the parameters."""
    found = span.found
    said = parsed(found.get("llm.invocation_parameters", ""))
    model = said.get("model") or said.get("model_name") if isinstance(said, dict) else None
    if isinstance(model, str) and model:
        found.setdefault("gen_ai.request.model", model)


OPENINFERENCE: Final = Dialect(
    name="openinference",
    title="OpenInference (Arize Phoenix): LangChain and LangGraph, OpenAI, OpenAI Agents, LlamaIndex, CrewAI, Agno, DSPy, smolagents, Bedrock",
    scopes=("openinference", "@arizeai/openinference"),
    markers=frozenset(
        {
            KIND, "llm.model_name", "llm.token_count.prompt", "llm.token_count.completion", "llm.token_count.total",
            "llm.input_messages.0.message.role", "llm.output_messages.0.message.role", "graph.node.id",
        }

    ),
    names=_NAMES,
    operations={KIND: _OPERATIONS},
    rules=(_metadata, _messages, _model, _tool, _guardrail, _evaluator, _agent, _usage, pauses),
    histories=("llm.input_messages.", "llm.output_messages.", "llm.tools.", "input.value", "output.value"),
    switch_on="OTEL_EXPORTER_OTLP_ENDPOINT=<collector>; then e.g. `LangChainInstrumentor().instrument()` "
    "of openinference-instrumentation-langchain, with an OTLP exporter on the tracer provider",
)  # fmt: skip
