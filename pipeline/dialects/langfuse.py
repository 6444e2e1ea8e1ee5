"""Langfuse's own SDK (scope `langfuse-sdk`): observations as spans, what they took and gave as JSON."""

import math
from collections.abc import Mapping
from typing import Any, Final

from pipeline.dialects.decisions import guardrail
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.judgements import add_verdict
from pipeline.dialects.turns import first_count, last_user_text, messages, parsed, put, put_count, put_messages, total_input

_OBSERVATION: Final = "langfuse.observation."
_CALLS: Final = ("chat", "embeddings")
_INPUT: Final = ("input", "input_tokens", "prompt_tokens", "promptTokens", "inputTokens")
_OUTPUT: Final = ("output", "output_tokens", "completion_tokens", "completionTokens", "outputTokens")
_TOTAL: Final = ("total", "total_tokens", "totalTokens")
_READ: Final = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read", "cached_tokens")
_WRITTEN: Final = ("cache_creation_input_tokens", "input_cache_creation", "cache_write_input_tokens")
_REASONED: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")
_BESIDE: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens", "input_cached_tokens"})
"""Without a total, these lie beside the input."""


def kind(span: SpanFacts) -> None:
    """The outermost chain is what a person started; a guardrail decides; an evaluator's output is a judgement of the span around it, where it is
    a number or says a score or a label."""
    said = span.found.get("langfuse.observation.type", "").lower()
    if said == "chain":
        put(span.found, "gen_ai.operation.name", "invoke_workflow" if span.is_root else "agent_step")
    elif said == "guardrail":
        guardrail(span, span.found.get(_OBSERVATION + "level") in ("ERROR", "WARNING"))
    elif said == "evaluator":
        add_verdict(span.found, span.name, span.found.get(_OBSERVATION + "output", ""))


def names(span: SpanFacts) -> None:
    """A tool and an agent are called as their span is."""
    operation = span.found.get("gen_ai.operation.name")
    if operation == "execute_tool":
        put(span.found, "gen_ai.tool.name", span.name)
        put(span.found, "gen_ai.tool.call.arguments", span.found.get(_OBSERVATION + "input", ""))
        put(span.found, "gen_ai.tool.call.result", span.found.get(_OBSERVATION + "output", ""))
    elif operation == "invoke_agent":
        put(span.found, "gen_ai.agent.name", span.name)


def usage(span: SpanFacts) -> None:
    """Kinds of tokens lie beside each other, unless a total says that the cached and the reasoning ones are counted in."""
    details = parsed(span.found.get(_OBSERVATION + "usage_details"))
    if not isinstance(details, dict):
        return
    read, wrote, reasoned = _count(details, _READ), _count(details, _WRITTEN), _count(details, _REASONED)
    own, output, total = _count(details, _INPUT), _count(details, _OUTPUT), _count(details, _TOTAL)
    beside = not total and not _BESIDE.isdisjoint(details)
    if reasoned and total >= own + read + wrote + output + reasoned:
        output += reasoned
    put_count(span.found, "gen_ai.usage.input_tokens", own + read + wrote if beside else total_input(own, read + wrote, output, total))
    put_count(span.found, "gen_ai.usage.output_tokens", output)
    put_count(span.found, "gen_ai.usage.cache_read.input_tokens", read)
    put_count(span.found, "gen_ai.usage.cache_creation.input_tokens", wrote)
    put_count(span.found, "gen_ai.usage.reasoning.output_tokens", reasoned)


def _count(details: Mapping[str, Any], kinds: tuple[str, ...]) -> int:
    return first_count(details, kinds)


def cost(span: SpanFacts) -> None:
    """`total`, or the sum of what is there."""
    details = parsed(span.found.get(_OBSERVATION + "cost_details"))
    if isinstance(details, dict):
        prices = {
            key: price for key, price in details.items() if isinstance(price, int | float) and not isinstance(price, bool) and price >= 0
        }
        total = prices.get("total") or math.fsum(min(price, 1e15) for price in prices.values())
        put(span.found, "mission_control.cost_usd", repr(round(total, 12)) if total else "")


def conversation(span: SpanFacts) -> None:
    """`langfuse.observation.input` and `.output` of a generation are its messages; `langfuse.trace.input` is what was asked."""
    found = span.found
    if found.get("gen_ai.operation.name") in _CALLS:
        put_messages(found, "gen_ai.input.messages", messages(_value(found.get(_OBSERVATION + "input"))))
        put_messages(found, "gen_ai.output.messages", messages(_value(found.get(_OBSERVATION + "output")), "assistant"))
    if "gen_ai.input.messages" not in found:
        put(found, "mission_control.user_input", last_user_text(_value(found.get("langfuse.trace.input"))))


def failure(span: SpanFacts) -> None:
    """`langfuse.observation.level` ERROR is a failure, WARNING is none."""
    if span.found.get(_OBSERVATION + "level") == "ERROR":
        put(span.found, "error.type", "error")


def _value(said: str | None) -> Any:
    """What is no JSON is a text."""
    value = parsed(said)
    return said if value is None and said != "null" else value


LANGFUSE: Final = Dialect(
    name="langfuse",
    title="Langfuse SDK 3 and later (Python, JavaScript)",
    scopes=("langfuse-sdk",),
    markers=frozenset({"langfuse.observation.type", "langfuse.observation.usage_details", "langfuse.observation.model.name"}),
    names={
        "gen_ai.request.model": ("langfuse.observation.model.name",),
        "gen_ai.prompt.name": ("langfuse.observation.prompt.name",),
        "gen_ai.prompt.version": ("langfuse.observation.prompt.version",),
        "user.id": ("langfuse.user.id",),
    },
    operations={
        "langfuse.observation.type": {
            "generation": "chat", "embedding": "embeddings", "tool": "execute_tool", "agent": "invoke_agent",
            "retriever": "retrieval",
        }
    },
    rules=(kind, names, usage, cost, conversation, failure),
    histories=(_OBSERVATION + "input", _OBSERVATION + "output", "langfuse.trace.input", "langfuse.trace.output"),
    switch_on="Add an OTLP span exporter of ours to the tracer provider that `Langfuse(tracer_provider=…)` is given.",
)  # fmt: skip
