"""The life of a thread: what shows it running, waiting, ended, and open again."""

import time
from typing import Any

import pytest

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import ERROR, SERVER, log, span

C = {"gen_ai.conversation.id": "c"}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", **C}
CHAT = {"gen_ai.operation.name": "chat", **C}
CHECK = {"permission.check.id": "k", "permission.resource.id": "rm", "permission.action": "run", **C}


def thread(line: Line) -> dict[str, Any]:
    line.summarise()
    (row,) = line.rows("threads")
    return row


def test_a_child_without_its_parent_shows_a_running_thread_that_completes_with_the_root(line: Line) -> None:
    line.spans(span(2, "chat", (10, 20), CHAT, 1))
    row = thread(line)
    assert (row["status"], row["ended_at"], row["duration_ms"], row["current_step"]) == ("running", None, 10.0, "chat")
    line.spans(span(1, "agent", (0, 30), AGENT))
    row = thread(line)
    assert (row["status"], row["duration_ms"], row["name"]) == ("complete", 30.0, "planner")


def test_later_activity_opens_it_again(line: Line) -> None:
    line.spans(span(1, "agent", (0, 30), AGENT))
    assert thread(line)["status"] == "complete"
    line.spans(span(3, "chat", (40, 50), CHAT, 2, in_trace=2))
    assert (thread(line)["status"], thread(line)["ended_at"]) == ("running", None)
    line.spans(span(2, "agent", (39, 60), AGENT, in_trace=2))
    row = thread(line)
    assert (row["status"], row["duration_ms"], len(row["trace_ids"])) == ("complete", 60.0, 2)


def test_a_pending_span_keeps_it_running(line: Line) -> None:
    line.spans(span(1, "agent", (0, 30), AGENT), span(2, "slow", (5, -1), CHAT, 1))
    assert (thread(line)["status"], thread(line)["current_step"]) == ("running", "slow")


@pytest.mark.parametrize(
    ("root", "child", "wanted"),
    [
        ({}, {"status": {"code": ERROR}}, ("complete", "", 1)),
        ({"status": {"code": ERROR, "message": "boom"}}, {}, ("error", "error", 1)),
        ({"status": {"code": ERROR}}, {"status": {"code": ERROR}}, ("error", "error", 2)),
    ],
)
def test_only_the_root_makes_an_error(line: Line, root: Any, child: Any, wanted: Any) -> None:
    line.spans(span(1, "agent", (0, 30), AGENT, **root), span(2, "chat", (5, 10), CHAT, 1, **child))
    row = thread(line)
    assert (row["status"], row["error_type"], row["error_count"]) == wanted


def test_a_server_span_whose_caller_is_not_heard_is_a_root(line: Line) -> None:
    line.spans(span(2, "tools/call t", (0, 5), {"mcp.method.name": "tools/call"}, 1, kind=SERVER))
    row = thread(line)
    assert (row["status"], row["kind"]) == ("complete", "mcp")


def test_a_session_that_starts_shows_before_any_span_and_ends_by_event(line: Line) -> None:
    line.logs(
        log("", 0, {**C, "gen_ai.agent.name": "planner", "mission_control.user_input": "do it", "user.id": "ada"}, event="session.start")
    )
    row = thread(line)
    assert (row["status"], row["kind"], row["name"], row["user_input"], row["user_id"], row["step_count"]) == (
        "running",
        "agent",
        "planner",
        "do it",
        "ada",
        0,
    )
    line.logs(log("", 40, {**C, "mission_control.thread.status": "cancelled"}, event="session.end"))
    row = thread(line)
    assert (row["status"], row["duration_ms"]) == ("cancelled", 40.0)
    line.logs(log("", 50, C, event="session.start"))
    assert thread(line)["status"] == "running"
    line.logs(log("", 60, C, event="session.end"))
    assert thread(line)["status"] in ("complete", "cancelled")


def test_a_session_that_ends_closes_what_a_crash_left_open(line: Line) -> None:
    line.spans(span(2, "chat", (10, 20), CHAT, 1))
    line.logs(log("", 30, C, event="session.end"))
    assert (thread(line)["status"], thread(line)["duration_ms"]) == ("complete", 20.0)
    line.spans(span(3, "chat", (40, 50), CHAT, 1))
    assert thread(line)["status"] == "running"


def test_any_log_of_a_thread_is_a_sign_of_life_but_no_thread(line: Line) -> None:
    line.logs(log("hello", 5, C))
    line.summarise()
    assert line.rows("threads") == []
    line.spans(span(1, "agent", (10, 20), AGENT))
    row = thread(line)
    assert (row["started_at"].microsecond, row["last_seen_at"].microsecond) == (5_000, 20_000)


def test_an_open_question_pauses_and_activity_resumes(line: Line) -> None:
    line.spans(span(2, "chat", (10, 20), CHAT, 1))
    line.logs(log("?", 25, {**CHECK, "permission.result": "ask"}, 1, 2, "permission.check"))
    row = thread(line)
    assert (row["status"], row["waiting_for"], row["permission_checks"]) == ("paused", "run rm", 1)
    assert row["waiting_since"].microsecond == 25_000
    line.spans(span(3, "chat", (26, 27), CHAT, 1))
    row = thread(line)
    assert (row["status"], row["waiting_for"]) == ("running", "run rm")
    line.logs(log("!", 30, {**CHECK, "permission.result": "deny"}, 1, 2, "permission.check"))
    row = thread(line)
    assert (row["status"], row["waiting_for"], row["waiting_since"], row["permission_denials"]) == ("running", "", None, 1)
    line.spans(span(1, "agent", (0, 40), AGENT))
    assert thread(line)["status"] == "complete"


def test_a_thread_that_ended_waits_for_nothing(line: Line) -> None:
    line.spans(span(1, "agent", (0, 10), AGENT))
    line.logs(log("?", 5, {**CHECK, "permission.result": "ask"}, 1, 1, "permission.check"))
    row = thread(line)
    assert (row["status"], row["waiting_for"], row["waiting_since"]) == ("complete", "", None)


def test_a_silent_running_thread_shows_as_stalled(line: Line) -> None:
    line.received = time.time_ns() - 400_000_000_000
    line.spans(span(2, "chat", (10, 20), CHAT, 1))
    row = thread(line)
    assert (row["status"], row["stalled_since"]) == ("running", row["last_seen_at"])
    line.received = time.time_ns()
    line.spans(span(3, "chat", (30, 35), CHAT, 1))
    assert thread(line)["stalled_since"] is None


def test_sub_agents_name_the_thread_that_started_them(line: Line) -> None:
    sub = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "sub", "gen_ai.agent.name": "helper"}
    line.spans(
        span(1, "agent", (0, 30), AGENT), span(2, "helper", (5, 10), sub, 1), span(3, "chat", (6, 7), {"gen_ai.operation.name": "chat"}, 2)
    )
    line.spans(span(4, "helper", (40, 50), {**sub, "gen_ai.conversation.id": "named", "mission_control.thread.parent_id": "c"}, in_trace=2))
    line.summarise()
    assert line.values("threads", "thread_id, parent_thread_id, step_count") == [("c", "", 1), ("sub", "c", 2), ("named", "c", 1)]


def test_a_late_name_moves_everything_and_leaves_nothing(line: Line) -> None:
    said = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "hello"}
    line.spans(
        span(2, "chat", (10, 20), said, 1),
        span(3, "execute_tool t", (21, 25), {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}, 1),
    )
    line.logs(log("note", 15, {}, 1, 2))
    line.logs(log("?", 21, {"permission.check.id": "k", "permission.result": "allow"}, 1, 3, "permission.check"))
    line.summarise()
    placeholder = line.values("threads", "thread_id")[0]
    line.spans(span(1, "agent", (0, 30), AGENT))
    line.summarise()
    for view in ("threads", "execution_steps", "llm_messages", "permission_events", "logs"):
        assert set(line.values(view, "thread_id")) == {"c"}, view
    for table in ("trace_summaries FINAL", "thread_summaries FINAL", "steps FINAL", "message_rows FINAL", "permission_rows FINAL"):
        assert line.count_rows(table, f"thread_id = '{placeholder}'") == 0, table
    assert line.values("traces FINAL", "thread_id, thread_ids, spans") == [("c", ["c"], 3)]


def test_a_start_that_moves_back_leaves_one_row(line: Line) -> None:
    for start in (30, 20, 10):
        line.spans(span(start, "chat", (start, start + 5), CHAT, 1))
        row = thread(line)
        assert row["started_at"].microsecond == start * 1000
    line.spans(span(10, "chat", (12, 15), CHAT, 1))
    assert thread(line)["started_at"].microsecond == 12_000


def test_a_big_trace_waits_longer_between_rounds(line: Line) -> None:
    line.spans(*[span(number, "x", (number, number + 1), AGENT) for number in range(1, 2_100)])
    line.summarise()
    line.spans(span(3_000, "x", (0, 1), AGENT))
    assert thread(line)["step_count"] == 2_100


def test_events_tell_what_began_changed_and_ended(line: Line) -> None:
    for spans, wanted in (
        ([span(2, "chat", (10, 20), CHAT, 1)], "thread.started"),
        ([span(3, "chat", (20, 25), CHAT, 1)], "thread.updated"),
        ([span(1, "agent", (0, 30), AGENT)], "thread.ended"),
        ([span(5, "chat", (40, 45), CHAT, 4, in_trace=2)], "thread.updated"),
    ):
        line.spans(*spans)
        line.summarise()
        (event,) = [event for event in line.heard.events() if event.type.startswith("thread")]
        assert (event.type, event.id, event.thread_id) == (wanted, "c", "c")
        assert event.payload["started_at"].endswith("Z")
