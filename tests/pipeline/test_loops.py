"""Golden cases of the loop detector, and what the tables show of loops, pauses, roots, escalations and unchecked calls."""

import itertools
from typing import Any

import pytest

from pipeline.summaries.loops import Call, longest_loop
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import hex_span, log, span

C = {"gen_ai.conversation.id": "c"}
AGENT = {"gen_ai.operation.name": "invoke_agent", **C}
TOOL = {"gen_ai.operation.name": "execute_tool", **C}
CHECK = {"permission.resource.id": "rm", "permission.action": "run", **C}


def calls(*said: str) -> list[Call]:
    """`tool arguments!error` each."""
    parts = [one.partition("!") for one in said]
    return [Call(*call.partition(" ")[::2], error) for call, _, error in parts]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([], 0),
        (["a 1"], 0),
        (["a 1", "a 1"], 0),
        (["a 1"] * 3, 3),
        (["b 1", *["a 1"] * 4, "b 1"], 4),
        (["a 1", "a 2", "a 3", "a 4", "a 5"], 0),
        (["a 1", "b 1"] * 2, 0),
        (["a 1", "b 1"] * 3, 6),
        (["a 1", "b 1", "c 1"] * 3, 9),
        (["a 1", "b 1", "a 2", "b 1", "a 3", "b 1"], 0),
        (["a x!e", "a y!e", "a z!e"], 0),
        (["a x!e", "a y!e", "a z!e", "a w!e"], 4),
        (["a x!e", "a y!f", "a z!e", "a w!f"], 0),
        (["s cat", "s cat black", "s cat black big", "s cat black big sad"], 4),
        (["s cat", "s dog", "s cow", "s hen"], 0),
    ],
)
def test_golden_cases(said: list[str], wanted: int) -> None:
    assert longest_loop(calls(*said)) == wanted


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_loop_shows_in_whatever_order_its_calls_come(line: Line, order: tuple[int, ...]) -> None:
    tool = {**TOOL, "gen_ai.tool.name": "a", "gen_ai.tool.call.arguments": "1"}
    for number in order:
        line.spans(span(number + 2, "a", (number, number + 1), tool, 1))
        line.summarise()
    line.spans(span(1, "agent", (0, 9), AGENT))
    line.summarise()
    assert line.values("threads", "loop_count") == [3]


PAUSE: dict[str, Any] = {**TOOL, "gen_ai.tool.name": "ask", "mission_control.step.status": "paused"}


def test_a_step_that_paused_keeps_its_thread_waiting_until_something_begins(line: Line) -> None:
    line.spans(span(2, "ask", (2, 3), PAUSE, 1))
    line.spans(span(1, "agent", (0, 9), AGENT))
    line.summarise()
    assert line.values("threads", "status, waiting_for, waiting_since IS NULL") == [("paused", "ask", 0)]
    line.spans(span(3, "agent", (20, 30), AGENT, in_trace=2))
    line.summarise()
    assert line.values("threads", "status, waiting_for, waiting_since IS NULL") == [("complete", "", 1)]


def test_a_pause_that_is_over_within_its_trace_is_none(line: Line) -> None:
    line.spans(
        span(3, "go", (4, 5), {**TOOL, "gen_ai.tool.name": "go"}, 1), span(1, "agent", (0, 9), AGENT), span(2, "ask", (2, 3), PAUSE, 1)
    )
    line.summarise()
    assert line.values("threads", "status, waiting_for") == [("complete", "")]


def test_a_thread_has_the_attributes_of_its_root(line: Line) -> None:
    line.spans(span(2, "child", (1, 2), {**C, "child": "x"}, 1), span(1, "agent", (0, 9), {**AGENT, "team": "blue", "long": "y" * 2_000}))
    line.summarise()
    (found,) = line.values("threads", "attributes")
    assert (found["team"], len(found["long"]), "child" in found) == ("blue", 1_000, False)


@pytest.mark.parametrize("turned", [False, True])
def test_what_was_denied_and_then_allowed_is_an_escalation(line: Line, turned: bool) -> None:
    denied = log("", 1, {**CHECK, "permission.check.id": "1", "permission.result": "deny"}, 1, 2, "permission.check")
    allowed = log("", 2, {**CHECK, "permission.check.id": "2", "permission.result": "allow"}, 1, 2, "permission.check")
    for record in (allowed, denied) if turned else (denied, allowed):
        line.logs(record)
        line.logs(record)
    found = line.values("permission_events", "escalation_detected, escalation_rule, escalation_status")
    assert found == [(0, "", ""), (1, "allowed_after_denial", "approved")]


@pytest.mark.parametrize("about", ["inner span", "call id", "question"])
def test_a_call_is_checked_by_any_of_its_spans_or_its_id_but_not_by_a_question(line: Line, about: str) -> None:
    tool = {**TOOL, "gen_ai.tool.name": "t", "gen_ai.tool.call.id": "call"}
    line.spans(span(1, "execute_tool t", (0, 9), tool), span(2, "tools/call t", (1, 8), tool, 1))
    name, number = ("call", 0) if about == "call id" else ("k", 2)
    result = "ask" if about == "question" else "allow"
    line.logs(log("", 1, {**CHECK, "permission.check.id": name, "permission.result": result}, 1, number, "permission.check"))
    line.summarise()
    assert line.values("unchecked_calls", "step_id") == ([hex_span(1)] if about == "question" else [])
    assert line.values("threads", "tool_calls, unchecked_calls") == [(1, int(about == "question"))]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_loop_across_traces_shows_in_whatever_order_they_come(line: Line, order: tuple[int, ...]) -> None:
    tool = {**TOOL, "gen_ai.tool.name": "a", "gen_ai.tool.call.arguments": "1"}
    for number in order:
        line.spans(span(number + 2, "a", (number, number + 1), tool, in_trace=number + 1))
        line.summarise()
    assert line.values("threads", "loop_count") == [3]
    line.spans(span(9, "b", (1.5, 1.7), {**tool, "gen_ai.tool.name": "b"}, in_trace=9))
    line.summarise()
    assert line.values("threads", "loop_count") == [0]


def test_a_loop_ends_when_a_trace_of_it_turns_out_to_be_another_thread_s(line: Line) -> None:
    tool = {**TOOL, "gen_ai.tool.name": "a", "gen_ai.tool.call.arguments": "1"}
    line.spans(span(1, "a", (0, 1), tool), span(2, "a", (2, 3), tool), span(3, "a", (4, 5), tool, in_trace=2))
    line.summarise()
    assert line.values("threads", "loop_count") == [3]
    line.spans(span(3, "a", (4, 6), {**tool, "gen_ai.conversation.id": "d"}, in_trace=2))
    line.summarise()
    assert line.values("threads", "thread_id, loop_count") == [("c", 0), ("d", 0)]


def test_calls_that_only_log_events_tell_may_go_round(line: Line) -> None:
    said = {"event.name": "tool_result", "tool_name": "Bash", "tool_input": "make", "success": "true", "session.id": "s"}
    line.logs(*(log("claude_code.tool_result", number, {**said, "tool_use_id": f"t{number}"}) for number in range(4)))
    line.summarise()
    assert line.values("threads", "thread_id, tool_calls, loop_count") == [("s", 4, 4)]


def test_across_traces_only_the_latest_calls_count(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.summaries.threads.LATEST_CALLS", 4)
    tool = {**TOOL, "gen_ai.tool.name": "a", "gen_ai.tool.call.arguments": "1"}
    line.spans(*(span(number, "a", (number, number + 0.5), tool, in_trace=number) for number in range(1, 7)))
    line.summarise()
    assert line.values("threads", "loop_count") == [4]
