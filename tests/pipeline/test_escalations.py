"""Escalations of every kind, and why: what a check tells itself, what the thread tells, and what is new for an agent."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from pipeline.capabilities import asked_for, asks_nobody
from schemas.store import ClickHouseStore
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import log, span

RULES = "event_id, escalation_rule, escalation_reason"


def check(when: float, name: str, thread: str, agent: str = "coder", kind: str = "tool", result: str = "allow", **more: Any) -> LogRecord:
    said = {"permission.resource.type": kind, "permission.resource.id": name, "permission.action": "use", "permission.result": result}
    who = {"gen_ai.agent.name": agent, "gen_ai.conversation.id": thread}
    return log("", when, {"permission.check.id": f"{thread}-{name}-{when}", **said, **who, **more}, 1, 2, "permission.check")


HISTORY = [
    check(1, "git", "first"), check(2, "shell", "first"), check(9, "deploy", "first"), check(3, "git", "second"), check(4, "browser", "second"),
    check(5, "browser", "second"), check(6, "browser", "third"), check(7, "net", "third", result="deny"), check(8, "git", "other", "helper"),
    check(8.5, "browser", "other", "helper"), check(8.7, "git", "nobody", ""), check(3.5, "spelling", "second", kind="guardrail"),
    check(8.8, "/tmp/a", "third", kind="file"), check(8.9, "/tmp/b", "third", kind="file"),
]  # fmt: skip
NEW = {"second-browser-4", "third-net-7", "third-/tmp/a-8.8"}


def test_what_an_agent_is_asked_for_the_first_time_is_new_but_not_in_its_first_thread(line: Line) -> None:
    line.logs(*HISTORY)
    found = {event: why for event, rule, why in line.values("permission_events", RULES) if rule == "new_for_agent"}
    assert found.keys() == NEW
    assert found["second-browser-4"] == "the first time that coder is asked for tool:browser"
    assert found["third-/tmp/a-8.8"] == "the first time that coder is asked for use file"
    assert line.values("permission_events", "escalation_detected, overreach, escalation_status", "event_id = 'third-net-7'") == [
        (1, 0, "rejected")
    ]


def test_what_is_new_for_an_agent_is_listed_and_not_counted_with_its_thread(line: Line) -> None:
    line.logs(check(1, "git", "first"))
    line.spans(span(2, "x", (0, 9), {"gen_ai.conversation.id": "second", "gen_ai.operation.name": "invoke_agent"}))
    line.logs(check(3, "net", "second"), check(4, "shell", "second", result="deny"), check(5, "shell", "second"))
    line.summarise()
    line.rollups.round()
    assert line.values("threads", "escalations") == [1]
    assert sum(line.values("permissions_hourly", "escalations")) == 1
    rules = line.values("permission_events", "escalation_rule, escalation_reason", "thread_id = 'second'")
    assert sorted(rules) == [
        ("allowed_after_denial", "allowed after it was denied in the same thread"),
        ("new_for_agent", "the first time that coder is asked for tool:net"),
        ("new_for_agent", "the first time that coder is asked for tool:shell"),
    ]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_what_is_new_does_not_depend_on_the_order(store: ClickHouseStore, data: st.DataObject) -> None:
    line = Line(store)
    for record in data.draw(st.permutations(HISTORY)):
        line.logs(record)
        if data.draw(st.booleans()):
            line.logs(record, again=data.draw(st.booleans()))
    assert set(line.values("permission_events", "event_id", "escalation_rule = 'new_for_agent'")) == NEW


def test_a_subject_that_is_an_agent_is_the_agent(line: Line) -> None:
    subject = {"permission.subject.type": "agent", "permission.subject.id": "coder"}
    line.logs(check(1, "git", "first", "", **subject), check(2, "net", "second", "", **subject))
    assert line.values("permission_events", "agent_name, escalation_rule") == [("coder", ""), ("coder", "new_for_agent")]


CLAUDE = {"session.id": "s"}


@pytest.mark.parametrize(
    ("event", "attributes", "mode"),
    [
        ("claude_code.permission_mode_changed", {**CLAUDE, "from_mode": "default", "to_mode": "acceptEdits"}, "acceptEdits"),
        ("claude_code.permission_mode_changed", {**CLAUDE, "to_mode": "bypassPermissions", "trigger": "shift_tab"}, "bypassPermissions"),
        (
            "codex.conversation_starts",
            {"conversation.id": "s", "approval_policy": "never", "sandbox_policy": "danger-full-access"},
            "never",
        ),
        ("gemini_cli.config", {"session.id": "s", "approval_mode": "yolo"}, "yolo"),
        ("gemini_cli.plan.approval_mode_switch", {"session.id": "s", "from_mode": "default", "to_mode": "autoEdit"}, "autoEdit"),
        ("gemini_cli.approval_mode_switch", {"session.id": "s", "to_mode": "yolo"}, "yolo"),
    ],
)
def test_a_mode_that_asks_nobody_is_an_escalation(line: Line, event: str, attributes: dict[str, str], mode: str) -> None:
    record = log("", 5, attributes, event=event)
    line.logs(record)
    line.logs(record)
    found = line.values("permission_events", "thread_id, resource, action, granted, escalation_rule, escalation_reason, escalation_status")
    why = f"allowed without asking, in the mode {mode}"
    assert found == [("s", f"mode:{mode}", "go ahead without asking", 1, "auto_accept", why, "approved")]


@pytest.mark.parametrize(
    ("event", "attributes"),
    [
        ("claude_code.permission_mode_changed", {**CLAUDE, "from_mode": "acceptEdits", "to_mode": "default"}),
        ("claude_code.permission_mode_changed", CLAUDE),
        ("codex.conversation_starts", {"conversation.id": "s", "approval_policy": "on-request"}),
        ("gemini_cli.config", {"session.id": "s", "approval_mode": "default"}),
    ],
)
def test_a_mode_that_asks_is_no_check(line: Line, event: str, attributes: dict[str, str]) -> None:
    line.logs(log("", 5, attributes, event=event))
    assert line.rows("permission_events") == []


def test_a_check_that_names_its_mode(line: Line) -> None:
    line.logs(
        check(1, "a", "t", **{"permission.mode": "bypassPermissions"}), check(2, "b", "t", permission_mode="acceptEdits", **{"permission.source": "user"}),
        check(3, "c", "t", approval_mode="yolo", result="deny"), check(4, "d", "t", approval_policy="on-request"),
    )  # fmt: skip
    assert line.values("permission_events", "escalation_rule") == ["auto_accept", "", "", ""]


def test_modes_and_what_is_asked_for() -> None:
    assert [asks_nobody(mode) for mode in ("acceptEdits", "auto_edit", "YOLO", "plan", "", "on-failure")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    said = [
        asked_for(*one)
        for one in (
            ("tool", "rm", "run"),
            ("file", "/a", "read"),
            ("", "x", ""),
            ("", "", "run"),
            ("mode", "yolo", ""),
            ("tool", "", "run"),
        )
    ]
    assert said == ["tool:rm", "read file", "", "", "", "run tool"]


@pytest.mark.parametrize(
    ("event", "agent", "session", "tool", "decision"),
    [
        ("claude_code.tool_decision", "claude-code", "session.id", "tool_name", "accept"),
        ("codex.tool_decision", "codex", "conversation.id", "tool_name", "approved"),
        ("gemini_cli.tool_call", "gemini-cli", "session.id", "function_name", "accept"),
    ],
)
def test_what_is_new_for_a_coding_agent(line: Line, event: str, agent: str, session: str, tool: str, decision: str) -> None:
    def decided(when: float, thread: str, name: str, **more: Any) -> LogRecord:
        return log(
            "",
            when,
            {session: thread, tool: name, "decision": decision, "call_id": f"{thread}{when}", "tool_use_id": f"{thread}{when}", **more},
            event=event,
        )

    line.logs(decided(1, "one", "Read"), decided(2, "two", "Read"), decided(3, "two", "Bash"), decided(4, "three", "Bash"))
    found = line.values("permission_events", "thread_id, resource, agent_name, escalation_rule, escalation_reason", "escalation_rule != ''")
    assert found == [("two", "tool:Bash", agent, "new_for_agent", f"the first time that {agent} is asked for tool:Bash")]


def test_a_sub_agent_is_not_its_main_agent(line: Line) -> None:
    said = {"tool_name": "Bash", "decision": "accept", **CLAUDE}
    line.logs(log("", 1, {**said, "agent_id": "a", "tool_use_id": "1"}, event="claude_code.tool_decision"))
    line.logs(log("", 2, {**said, "agent_id": "b", "agent.name": "explorer", "tool_use_id": "2"}, event="claude_code.tool_decision"))
    blocked = {"span.type": "tool.blocked_on_user", "llm_request.context": "x", **said}
    line.spans(
        span(2, "claude_code.tool.blocked_on_user", (3, 4), {**blocked, "tool_use_id": "3"}, 1),
        span(3, "claude_code.tool.blocked_on_user", (3, 4), {**blocked, "agent_id": "a", "tool_use_id": "4"}, 1),
    )
    assert line.values("permission_events", "event_id, agent_name") == [("3", "claude-code"), ("1", ""), ("4", ""), ("2", "explorer")]
