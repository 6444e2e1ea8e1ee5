"""Spans that Python has to translate, and checks that it has to tell, come out of the kernel as they do out of Python."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline import native
from pipeline.dialects.dialect import Dialect
from pipeline.dialects.histories import SHORT
from pipeline.dialects.older_events import EVENTS
from pipeline.dialects.registry import DIALECTS
from pipeline.permissions import CHECKS
from tests.pipeline.otlp_messages import at, items, span, span_request
from tests.pipeline.test_fuzz import WORDS
from tests.pipeline.two_mappings import Both, needs_kernel, sent

pytestmark = needs_kernel
WAITS = {"permission.result": "ask", "permission.subject.id": "a"}
INTERRUPT = Span.Event(
    time_unix_nano=at(3), name="exception", attributes=items({"exception.type": "x.GraphInterrupt", "exception.message": "(I(id='7'))"})
)
CHECK = Span.Event(time_unix_nano=at(4), name="permission.check", attributes=items({"permission.result": "deny", "user.id": "u"}))
PROMPT = Span.Event(name="gen_ai.user.message", attributes=items({"content": "hello"}))
LONG = "é" * SHORT + "x"


def in_scope(scope: str, spans: list[Span]) -> Any:
    request = span_request(spans)
    request.resource_spans[0].scope_spans[0].scope.CopyFrom(InstrumentationScope(name=scope, version="1"))
    return request


@pytest.mark.parametrize(
    ("scope", "one"),
    [
        ("", span(1, "permission.check", (0, 1), {"permission.result": "allow"}, parent=2)),
        ("", span(1, "permission.check", (0, 1), {"permission.result": "deny", "session.id": "s"})),
        ("", span(1, "x", (0, 1), WAITS)),
        ("", span(1, "x", (0, 1), {"a": 1}, events=[CHECK, PROMPT, CHECK])),
        ("", span(1, "x", (0, 1), {"thread_id": "t"}, events=[CHECK])),
        ("", span(1, "x", (0, 1), {"logfire.span_type": "pending_span", "logfire.pending_parent_id": "0000000000000007"}, parent=2)),
        ("", span(1, "x", (0, 1), {"logfire.span_type": "pending_span", "permission.result": "ask"}, parent=2)),
        ("", span(1, "x", (0, 1), {"langsmith.span.kind": "prompt", "mission_control.step.type": "own"})),
        ("", span(1, "x", (0, 1), {"mission_control.step.type": "own", "openinference.span.kind": "LLM", "b": 1}, events=[INTERRUPT])),
        ("", span(1, "x", (0, 1), {"openinference.span.kind": "GUARDRAIL", "output.value": '{"triggered": true}'}, events=[INTERRUPT, INTERRUPT])),
        ("openinference", span(1, "x", (0, 1), {"input.value": LONG, "output.value": "x" * SHORT, "llm.input_messages.0.message.content": LONG})),
        ("openinference", span(1, "x", (0, 1), {f"llm.tools.{place}.name": LONG[:300] for place in range(4)} | {"openinference.span.kind": "LLM"})),
        ("ai", span(1, "ai.generateText.doGenerate", (0, 1), {"ai.operationId": "x", "ai.prompt.messages": json.dumps([{"role": "user", "content": LONG * 80}])})),
        ("com.anthropic.claude_code", span(1, "claude_code.tool", (0, 1), {"tool_use_id": "c", "tool_name": "t", "session.id": "s"})),
        ("com.anthropic.claude_code", span(1, "claude_code.llm_request", (0, 1), {"input_tokens": 7, "request_id": "r", "success": False}, status={"code": 2})),
        ("com.anthropic.claude_code", span(1, "claude_code.tool.blocked_on_user", (0, 1), {"tool_name": "t", "decision": "accept"}, parent=2)),
        ("", span(1, "x", (0, 1), {"mission_control.guardrail.verdict": "deny", "mcp.result.type": "input_required"})),
    ],
)  # fmt: skip
def test_what_python_has_to_read(scope: str, one: Span) -> None:
    both = Both()
    again = Span()
    again.CopyFrom(one)
    again.end_time_unix_nano = 0
    requests = sent([in_scope(scope, [one, again])])
    assert (
        both.taken(requests)
        == both.taken(sent([span_request([span(9, "y", (0, 1), {"a": 1})]), *(raw for _, raw in requests)], "p")) - 1
        == 1
    )


def test_checks_of_a_request_that_is_left_are_told_once() -> None:
    """The kernel finds out that it cannot read a number after Python has read the span."""
    both = Both()
    told = span(1, "permission.check", (0, 1), {"permission.result": "deny"})
    left = span(2, "permission.check", (0, 1), {"permission.result": "allow", "gen_ai.usage.input_tokens": "1_000"})
    assert both.taken(sent([span_request([told]), span_request([left]), span_request([told, left])])) == 1
    assert both.outcomes() == {"taken": 1, "left": 2, "failed": 0}


def test_what_a_rule_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the processor finds the span, as it does where Python maps."""

    def broken(*_: Any) -> Any:
        raise ArithmeticError

    monkeypatch.setattr(native, "meaning", broken)
    both = Both()
    with pytest.raises(ArithmeticError):
        both.taken(sent([span_request([span(1, "permission.check", (0, 1))])]))


TEXTS = st.sampled_from(WORDS) | st.text(max_size=8) | st.integers(0, 3000).map(lambda length: ("lorem ipsum é " * 300)[:length])
ROLES = st.sampled_from(("user", "assistant", "system", "tool", "human", "ai", "model"))
MESSAGE = st.fixed_dictionaries(
    {"role": ROLES},
    optional={
        "content": st.text(max_size=5) | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=5)}), max_size=2),
        "parts": st.lists(st.fixed_dictionaries({"text": st.text(max_size=4)}) | st.fixed_dictionaries({"type": st.just("text"), "content": st.just("c")}), max_size=2),
        "tool_calls": st.lists(st.fixed_dictionaries({"id": st.just("1"), "function": st.just({"name": "f", "arguments": '{"a": 1}'})}), max_size=1),
        "tool_call_id": st.just("1"),
        "finish_reason": st.just("stop"),
    },
)  # fmt: skip
DATA = st.lists(MESSAGE, max_size=3).map(json.dumps) | st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(MESSAGE, max_size=2), "inputs": st.text(max_size=3), "thread_id": st.just("t"), "model": st.just("m"), "contents": st.lists(MESSAGE, max_size=2),
        "input": st.integers(0, 9), "output": st.integers(0, 9), "total": st.floats(allow_nan=False),
        "config": st.dictionaries(st.sampled_from(("labels", "system_instruction")), st.text(max_size=3)),
        "content": MESSAGE, "tool_call_id": st.just("c"), "text": st.text(max_size=3), "triggered": st.booleans(),
    },
).map(json.dumps)  # fmt: skip
VALUES = TEXTS | DATA | st.integers(-5, 2**40) | st.booleans() | st.floats(allow_nan=False)


def _names(dialect: Dialect) -> list[str]:
    own = (
        {name for sources in dialect.names.values() for name in sources}
        | set(dialect.names)
        | set(dialect.markers)
        | set(dialect.operations)
    )
    own |= {name if name[-1] != "." else f"{name}{place}.{rest}" for name in dialect.histories for place in (0, 1, 12) for rest in _RESTS}
    return sorted(
        own
        | {"gen_ai.operation.name", "session.id", "error.type", "permission.result", "mission_control.step.type", "gen_ai.tool.definitions"}
    )


_RESTS = (
    "message.role",
    "message.content",
    "role",
    "content",
    "tool_calls.0.name",
    "message.tool_calls.0.tool_call.function.name",
    "finish_reason",
)


@st.composite
def _said(draw: Any, dialect: Dialect) -> Mapping[str, Any]:
    found = draw(st.dictionaries(st.sampled_from(_names(dialect)), VALUES, max_size=14))
    for attribute, values in dialect.operations.items():
        if draw(st.booleans()):
            found[attribute] = draw(st.sampled_from(sorted(values)))
    return dict(found)


EVENT = st.sampled_from(sorted({*EVENTS, *CHECKS, "exception", "tool.output"}))
EVENT_SAYS = st.dictionaries(
    st.sampled_from(("content", "role", "gen_ai.prompt", "permission.result", "exception.type", "exception.message", "gen_ai.input.messages", "session.id")),
    TEXTS | DATA | st.just("GraphInterrupt"),
    max_size=4,
)  # fmt: skip
SPAN_NAMES = st.sampled_from(
    (
        "x",
        "call_llm",
        "invocation",
        "agent_run [a]",
        "ai.toolCall t",
        "claude_code.tool",
        "claude_code.llm_request",
        "session_task.turn",
        *CHECKS,
    )
)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
@given(data=st.data())
def test_whatever_a_dialect_says(dialect: Dialect, data: st.DataObject) -> None:
    scope = data.draw(st.sampled_from(("", *dialect.scopes)))
    spans = []
    for number in range(1, data.draw(st.integers(2, 4))):
        events = [
            Span.Event(name=name, time_unix_nano=number, attributes=items(said))
            for name, said in data.draw(st.lists(st.tuples(EVENT, EVENT_SAYS), max_size=2))
        ]
        parent = data.draw(st.integers(0, 2))
        spans.append(span(number, data.draw(SPAN_NAMES), (number, number + 5), data.draw(_said(dialect)), parent=parent, events=events))
    both = Both()
    both.taken(sent([in_scope(scope, spans)]))
    both.taken(sent([in_scope(scope, spans[:1]), in_scope("other", spans)], "p"))
    assert both.outcomes()["failed"] == 0
