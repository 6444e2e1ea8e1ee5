"""Vercel AI SDK up to version 6 (scope `ai`, attributes `ai.*`); version 7 speaks OpenTelemetry's own words.

Known by its attributes alone: scopes are told by how they begin, and too much begins with `ai`.
A call is two spans: `ai.generateText` is the loop around `ai.generateText.doGenerate`, whose tokens it repeats; so it is an agent.
"""

from typing import Any, Final

from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.turns import (
    Message,
    count,
    first_count,
    messages,
    parsed,
    put,
    put_count,
    put_messages,
    text,
    tool_calls,
    total_input,
)

_LOOPS: Final = ("ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject")
OPERATIONS: Final = {
    **dict.fromkeys(_LOOPS, "invoke_agent"),
    **{f"{loop}.{call}": "chat" for loop in _LOOPS for call in ("dogenerate", "dostream")},
    "ai.toolcall": "execute_tool",
    **dict.fromkeys(("ai.embed.doembed", "ai.embedmany.doembed"), "embeddings"),
    "ai.rerank.dorerank": "rerank",
    **dict.fromkeys(("ai.embed", "ai.embedmany", "ai.rerank"), "agent_step"),
}
_INPUT: Final = ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens")
_CACHED: Final = ("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens")


def operation(span: SpanFacts) -> None:
    """Older versions say it in `operation.name`, before the function's id, and in the span's name."""
    for said in (span.found.get("operation.name", ""), span.name):
        put(span.found, "gen_ai.operation.name", OPERATIONS.get(said.partition(" ")[0].lower(), ""))


def tool_name(span: SpanFacts) -> None:
    """Where `ai.toolCall.name` is missing the span's name has it."""
    if span.name.startswith("ai.toolCall "):
        put(span.found, "gen_ai.tool.name", span.name.removeprefix("ai.toolCall ").strip())


def provider(span: SpanFacts) -> None:
    """`openai.chat` names the provider and which of its interfaces."""
    put(span.found, "gen_ai.provider.name", span.found.get("ai.model.provider", "").partition(".")[0])


def tokens(span: SpanFacts) -> None:
    """`ai.usage.inputTokens`, `.promptTokens` or `.tokens`, with the cached tokens where `.totalTokens` shows that they lie beside it."""
    found = span.found
    own, cached = first_count(found, _INPUT), first_count(found, _CACHED)
    if not own and not cached:
        return
    output = count(found.get("gen_ai.usage.output_tokens"))
    put_count(found, "gen_ai.usage.input_tokens", total_input(own, cached, output, count(found.get("ai.usage.totalTokens"))))


def first_chunk(span: SpanFacts) -> None:
    """`ai.response.msToFirstChunk`, in seconds."""
    if not (said := span.found.get("ai.response.msToFirstChunk")):
        return
    try:
        milliseconds = float(said)
    except ValueError:
        return
    put(span.found, "gen_ai.response.time_to_first_chunk", str(milliseconds / 1000))


def conversation(span: SpanFacts) -> None:
    """What the model was given and what it answered."""
    found = span.found
    prompt = parsed(found.get("ai.prompt"))
    around: dict[str, Any] = prompt if isinstance(prompt, dict) else {}
    given = messages(parsed(found.get("ai.prompt.messages")) or around.get("messages"))
    if not given:
        given = messages(around.get("prompt") if prompt is not None else found.get("ai.prompt"))
    if (system := around.get("system")) and not any(said["role"] == "system" for said in given):
        put_messages(found, "gen_ai.system_instructions", [text(system)])
    put_messages(found, "gen_ai.input.messages", given)
    put_messages(found, "gen_ai.output.messages", _answer(found))


def _answer(found: dict[str, str]) -> list[Message]:
    """In the order in which the next call repeats it."""
    parts: list[Message] = []
    if thought := found.get("ai.response.reasoning"):
        parts.append({"type": "reasoning", "content": thought})
    if said := found.get("ai.response.text") or found.get("ai.response.object"):
        parts.append(text(said))
    parts.extend(tool_calls(parsed(found.get("ai.response.toolCalls"))))
    ended = {"finish_reason": found["ai.response.finishReason"]} if found.get("ai.response.finishReason") else {}
    return [{"role": "assistant", "parts": parts, **ended}] if parts else []


VERCEL: Final = Dialect(
    name="vercel",
    title="Vercel AI SDK 3 to 6",
    markers=frozenset(
        {
            "ai.operationId", "ai.model.id", "ai.model.provider", "ai.prompt.messages", "ai.toolCall.name", "ai.toolCall.id", "ai.usage.promptTokens",
            "ai.telemetry.functionId", "ai.telemetry.metadata.userId", "ai.telemetry.metadata.threadId", "ai.telemetry.metadata.sessionId",
        }
    ),
    names={
        "gen_ai.agent.name": ("ai.telemetry.functionId",),
        "gen_ai.tool.name": ("ai.toolCall.name",),
        "gen_ai.tool.call.id": ("ai.toolCall.id",),
        "gen_ai.tool.call.arguments": ("ai.toolCall.args", "ai.toolCall.input"),
        "gen_ai.tool.call.result": ("ai.toolCall.result", "ai.toolCall.output"),
        "gen_ai.request.model": ("ai.model.id",),
        "gen_ai.response.model": ("ai.response.model",),
        "gen_ai.usage.output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "gen_ai.usage.cache_read.input_tokens": _CACHED,
        "gen_ai.usage.cache_creation.input_tokens": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
        "gen_ai.usage.reasoning.output_tokens": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
        "gen_ai.response.finish_reasons": ("ai.response.finishReason",),
        "user.id": ("ai.telemetry.metadata.userId",),
    },
    operations={"ai.operationId": OPERATIONS},
    rules=(operation, tool_name, provider, tokens, first_chunk, conversation),
    histories=("ai.prompt.messages", "ai.prompt", "ai.prompt.tools", "ai.response.text", "ai.response.toolCalls"),
    switch_on="`experimental_telemetry: { isEnabled: true, metadata: { threadId } }` in each call, and an OTLP exporter in `instrumentation.ts`.",
)  # fmt: skip
