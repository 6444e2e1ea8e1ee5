"""Permission checks that spans and their events tell: of our own vocabulary and of everybody else's."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import hex_span, items, log, span

ASKED = {"permission.resource.type": "tool", "permission.resource.id": "shell", "permission.action": "run"}
THREAD = {"gen_ai.conversation.id": "t"}


def tool(number: int = 2, **more: Any) -> Span:
    said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "shell", "gen_ai.tool.call.id": "c", **THREAD}
    return span(number, "execute_tool shell", (10, 50), said, parent=1, **more)


def checks(line: Line, columns: str = "resource, action, granted, waited_ms, step_id, source") -> list[Any]:
    line.summarise()
    return line.values("permission_events", columns)


@pytest.mark.parametrize("prefix", ["", "mission_control."])
def test_a_span_that_is_a_check(line: Line, prefix: str) -> None:
    """It guards the step it lies in, asks when it begins and has the answer when it ends."""
    said = {prefix + name: value for name, value in ASKED.items()} | {
        f"{prefix}permission.result": "deny",
        f"{prefix}permission.source": "policy",
        **THREAD,
    }
    line.spans(tool(), span(3, f"{prefix}permission.check", (20, 30), said, parent=2))
    assert checks(line) == [("tool:shell", "run", 0, 10.0, hex_span(2), "policy")]
    assert line.values("execution_steps", "type", f"step_id = '{hex_span(3)}'") == ["check_permission"]
    assert line.values("threads", "permission_checks, permission_denials") == [(1, 1)]


def test_a_check_names_the_key_it_came_with(line: Line) -> None:
    """Told by a span or by a log record; without one where nobody is asked for a key."""
    said = ASKED | THREAD | {"permission.result": "allow"}
    line.spans(tool(), span(3, "permission.check", (20, 30), said | {"permission.check.id": "a"}, parent=2), key="of-spans")
    line.logs(log("", 1, said | {"permission.check.id": "b"}, 1, 2, "permission.check"), key="of-logs")
    line.logs(log("", 1, said | {"permission.check.id": "c"}, 1, 2, "permission.check"))
    assert sorted(checks(line, "event_id, sender_key_id")) == [("a", "of-spans"), ("b", "of-logs"), ("c", "")]


def test_a_check_that_has_begun_is_what_the_thread_waits_for(line: Line) -> None:
    line.spans(span(3, "permission.check", (20, -1), ASKED | THREAD))
    assert checks(line, "resource, granted") == [("tool:shell", None)]
    assert line.values("threads", "waiting_for") == ["run tool:shell"]
    line.spans(span(3, "permission.check", (20, 60), ASKED | THREAD | {"permission.result": "allow"}))
    assert checks(line, "resource, granted, waited_ms") == [("tool:shell", 1, 40.0)]


@pytest.mark.parametrize("late", [False, True])
def test_an_event_of_a_span(line: Line, late: bool) -> None:
    """The span around says who asked, and is what is guarded; the thread may be known later."""
    said = items({**ASKED, "permission.result": "allow", "permission.check.id": "x"})
    event = Span.Event(name="permission.check", time_unix_nano=7, attributes=said)
    inner = span(2, "work", (10, 50), {"gen_ai.agent.name": "planner"}, parent=1, events=[event])
    outer = span(1, "invoke_agent planner", (0, 60), {"gen_ai.operation.name": "invoke_agent", **THREAD})
    for one in (inner, outer) if late else (outer, inner):
        line.spans(one)
        line.summarise()
    assert checks(line, "thread_id, event_id, agent_name, granted, step_id") == [("t", "x", "planner", 1, hex_span(2))]


@pytest.mark.parametrize("backwards", [False, True])
def test_waiting_for_the_user_as_span_and_as_event_is_one_check(line: Line, backwards: bool) -> None:
    session = {"session.id": "s", "tool_name": "Bash", "tool_use_id": "u", "decision": "reject", "source": "user_reject"}
    waits = span(
        3,
        "claude_code.tool.blocked_on_user",
        (20, 90),
        {"span.type": "tool.blocked_on_user", "llm_request.context": "x", **session},
        parent=2,
    )
    decided = log("claude_code.tool_decision", 90, {"event.name": "tool_decision", **session})
    for signal in ("logs", "spans") if backwards else ("spans", "logs"):
        line.spans(waits) if signal == "spans" else line.logs(decided)
    assert checks(line, "event_id, resource, granted, waited_ms, source") == [("u", "tool:Bash", 0, 70.0, "user")]


def test_waiting_for_the_user_that_nobody_answered(line: Line) -> None:
    said = {"span.type": "tool.blocked_on_user", "session.id": "s", "llm_request.context": "x", "tool_name": "Bash"}
    line.spans(span(3, "x", (20, 90), said, parent=2))
    assert checks(line, "granted, waited_ms") == [(None, None)]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"gen_ai.guardrail.verdict.type": "deny", "gen_ai.guardrail.verdict.reason": "rude", "gen_ai.guardrail.target.id": "answer"}, ("guardrail:answer", 0, "")),
        ({"gen_ai.guardrail.verdict.type": "warn"}, ("guardrail", 1, "warned")),
        ({"gen_ai.guardrail.verdict.type": "escalate"}, ("guardrail", None, "escalated")),
        ({"aspnetcore.authorization.result": "failure", "aspnetcore.authorization.policy": "admins"}, ("policy:admins", 0, "")),
        ({"stackql.decision": "allow", "gen_ai.tool.name": "q"}, ("tool:q", 1, "")),
        ({"mcp.result.type": "input_required", "mcp.method.name": "tools/call", "gen_ai.tool.name": "q"}, ("tool:q", None, "input_required")),
    ],
)  # fmt: skip
def test_decisions_in_other_words(line: Line, said: dict[str, str], wanted: tuple[Any, ...]) -> None:
    line.spans(span(2, "x", (1, 2), said | THREAD))
    assert checks(line, "resource, granted, reason_code") == [wanted]
    if "mcp.result.type" in said:
        assert line.values("execution_steps", "status") == ["paused"]


def test_the_same_in_a_log_record(line: Line) -> None:
    line.logs(log("audit", 1, {"stackql.decision": "deny", "gen_ai.tool.name": "q", **THREAD}))
    line.logs(log("audit", 2, {"stackql.decision": "whatever", "gen_ai.tool.name": "q", **THREAD}))
    assert checks(line, "resource, granted") == [("tool:q", 0)]


@pytest.mark.parametrize(("output", "granted"), [('{"triggered": true}', 0), ('{"triggered": false}', 1), ("", 1)])
def test_guardrails_of_openinference(line: Line, output: str, granted: int) -> None:
    said = {"openinference.span.kind": "GUARDRAIL", "output.value": output, "session.id": "t"}
    line.spans(span(2, "jailbreak", (1, 2), said, parent=1))
    assert checks(line, "resource, granted, step_id") == [("guardrail:jailbreak", granted, hex_span(1))]


def test_an_interrupt_is_one_question_however_many_spans_it_passes(line: Line) -> None:
    message = "(Interrupt(value={'q': 'sure?'}, id='abc'),)"
    raised = Span.Event(
        name="exception", attributes=items({"exception.type": "langgraph.errors.GraphInterrupt", "exception.message": message})
    )
    node = span(2, "approve", (1, 5), {"openinference.span.kind": "CHAIN", "session.id": "t"}, parent=1, events=[raised])
    graph = span(1, "graph", (0, 9), {"openinference.span.kind": "CHAIN", "session.id": "t"}, events=[raised])
    for order in ((node, graph), (graph, node)):
        one = Line(line.store)
        for said in order:
            one.spans(said)
        assert checks(one, "event_id, resource, granted, reason, step_id") == [
            ("interrupt:abc", "interrupt:approve", None, message, hex_span(2))
        ]
        assert one.values("threads", "status") == ["paused"]


def test_a_deferred_call_asks(line: Line) -> None:
    said = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "pay",
        "gen_ai.tool.call.id": "c",
        "pydantic_ai.tool.deferral.name": "ApprovalRequired",
    }
    line.spans(span(2, "execute_tool pay", (1, 2), said | THREAD))
    assert checks(line, "event_id, resource, granted, reason_code") == [("c", "tool:pay", None, "approval_required")]


@pytest.mark.parametrize(
    ("kind", "operation", "wanted"),
    [("prompt", "chat", "script"), ("retriever", "embeddings", "script"), ("llm", "chat", "llm_call"), ("parser", "chat", "script")],
)
def test_runs_that_langsmith_calls_calls(line: Line, kind: str, operation: str, wanted: str) -> None:
    said = {
        "langsmith.span.kind": kind,
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": "m",
        "langsmith.metadata.thread_id": "t",
    }
    line.spans(span(2, "x", (1, 2), said))
    line.summarise()
    assert line.values("execution_steps", "type") == [wanted]
    assert line.values(
        "otel_traces", "SpanAttributes['gen_ai.operation.name'], mapContains(SpanAttributes, 'mission_control.step.type')"
    ) == [(operation, 0)]


def test_a_check_on_a_span_of_a_thread_that_is_summarised_already(line: Line) -> None:
    line.spans(tool())
    line.summarise()
    line.spans(
        tool(3),
        tool(4, events=[Span.Event(name="permission.check", time_unix_nano=7, attributes=items({**ASKED, "permission.result": "deny"}))]),
    )
    line.summarise()
    assert line.values("threads", "permission_checks, permission_denials, tool_calls, unchecked_calls") == [(1, 1, 3, 2)]
