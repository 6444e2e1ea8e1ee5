"""What hours count of steps and of checks, beyond their number: durations, first tokens, the longest, whose they are, what nobody checked."""

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from pipeline.summaries.rollups import HOUR
from schemas.errors import StoreUnavailableError
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import BASE_HOUR, hex_span, log, span

DIRECTIVE = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "restock", "gen_ai.conversation.id": "c"}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "model-a", "gen_ai.conversation.id": "c"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.conversation.id": "c"}
FAILED = Status(code=Status.STATUS_CODE_ERROR)


def check(event: str, when: float, result: str, step: int = 0) -> LogRecord:
    said = {"permission.check.id": event, "permission.resource.type": "tool", "permission.resource.id": "look", "permission.action": "use"}
    who = {"gen_ai.agent.name": "coder", "gen_ai.conversation.id": "c", "permission.result": result}
    return log("", when, {**said, **who}, 1, step, "permission.check")


def test_durations_are_quantiles_of_what_ended_and_the_longest_is_told_by_name(line: Line) -> None:
    line.spans(
        span(1, "restock", (0, 4_000), DIRECTIVE), *(span(2 + i, "look", (i, 10 * i + 10 + i), {**TOOL}, parent=1) for i in range(9))
    )
    line.spans(span(20, "look", (100, -1), {**TOOL}, parent=1))
    line.summarise()
    line.count()
    told = "type, steps, running, round(p50_ms), p95_ms >= 85 AND p99_ms <= 90, longest_ms, longest_thread_id, toUnixTimestamp64Milli(longest_at) % 1000, thread_ids"
    found = {row[0]: row[1:] for row in line.values("steps_hourly", told)}
    assert found["tool_call"] == (10, 1, 50, 1, 90.0, "c", 8, [])
    directive = found.get("directive") or found["span"]
    assert directive[0:3] == (1, 0, 4000)


def test_an_hour_in_which_nothing_ended_has_no_durations(line: Line) -> None:
    line.spans(span(1, "look", (0, -1), TOOL))
    line.summarise()
    line.count()
    assert line.values("steps_hourly", "steps, running, p50_ms, p95_ms, p99_ms, longest_ms, p50_ttft_ms") == [
        (1, 1, None, None, None, 0.0, None)
    ]


def test_first_tokens_are_counted_by_model(line: Line) -> None:
    line.spans(span(1, "chat", (0, 900), {**CHAT, "gen_ai.response.time_to_first_chunk": 0.25}), span(2, "chat", (1_000, 1_500), CHAT))
    line.summarise()
    line.count()
    assert line.values("steps_hourly", "type, model, steps, first_tokens, p50_ttft_ms, p95_ttft_ms") == [
        ("llm_call", "model-a", 2, 1, 250.0, 250.0)
    ]


def test_what_nobody_checked_is_counted_by_tool(line: Line) -> None:
    line.spans(
        span(1, "look", (0, 5), TOOL), span(2, "look", (6, 9), TOOL), span(3, "write", (10, 12), {**TOOL, "gen_ai.tool.name": "write"})
    )
    line.logs(check("e", 1, "allow", step=2))
    line.summarise()
    line.count()
    unchecked = line.values("unchecked_calls", "step_id")
    assert sorted(unchecked) == [hex_span(1), hex_span(3)]
    assert line.values("steps_hourly", "name, unchecked") == [("look", 1), ("write", 1)]


def test_checks_are_counted_by_agent_and_decider_with_the_time_they_waited(line: Line) -> None:
    line.logs(check("a", 0, "ask"), check("a", 2_000, "allow"), check("b", 5_000, "ask"))
    line.summarise()
    line.count()
    told = "agent_name, resource, checks, granted, denied, pending, detected, p50_waited_ms, p95_waited_ms"
    rows = line.values("permissions_hourly", told)
    assert sum(row[2] for row in rows) == 2
    assert {row[:2] for row in rows} == {("coder", "tool:look")}
    assert [row[7:] for row in rows if row[3]] == [(2000.0, 2000.0)]
    assert sum(row[5] for row in rows) == 1


def test_statements_narrow_checks_without_changing_them(line: Line) -> None:
    """Asked before the range and decided in it, asked in it and decided after it: the thread is folded whole, then the range is looked at."""
    line.logs(
        check("before", 0, "ask"),
        check("before", 9_000, "deny"),
        check("inside", 8_000, "ask"),
        check("inside", 30_000, "allow"),
    )
    line.summarise()
    inside = "toUnixTimestamp64Milli(timestamp) % 60000 BETWEEN 5000 AND 20000"
    narrow = f"thread_id IN (SELECT thread_id FROM permission_statements WHERE {inside})"
    told = "event_id, granted, waited_ms, escalation_rule"
    assert line.values("permission_events", told, f"{narrow} AND {inside}") == line.values("permission_events", told, inside)
    assert line.values("permission_events", "event_id, granted, waited_ms", f"{narrow} AND {inside}") == [("inside", 1, 22_000.0)]


@pytest.mark.parametrize("counted", ["steps_hourly", "permissions_hourly"])
def test_counting_again_changes_nothing(line: Line, counted: str) -> None:
    line.spans(span(1, "look", (0, 5), TOOL), span(2, "look", (6, 9), TOOL, status=FAILED))
    line.logs(check("e", 1, "allow"))
    line.summarise()
    line.count()
    before = line.rows(counted)
    line.count()
    assert line.rows(counted) == before != []


def test_an_answer_hours_later_is_counted_where_it_was_asked(line: Line) -> None:
    line.logs(check("slow", 0, "ask"), check("open", 10, "ask"))
    line.count()
    assert sum(line.values("permissions_hourly", "pending")) == 2
    line.logs(check("slow", 5 * 3_600_000, "allow"))
    line.rollups.touch([BASE_HOUR + 5 * HOUR])
    line.rollups.round()
    assert line.values("permissions_hourly", "checks, pending, granted") == [(2, 1, 1)]


def test_answers_are_looked_for_again_when_the_store_was_away(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.logs(check("slow", 0, "ask"), check("slow", 5 * 3_600_000, "allow"))
    away = [True]

    def query(sql: str, parameters: Any = None) -> Any:
        if away:
            away.pop()
            raise StoreUnavailableError("away")
        return real(sql, parameters)

    real = line.store.query
    monkeypatch.setattr(line.store, "query", query)
    line.rollups.touch([BASE_HOUR + 5 * HOUR])
    line.rollups.round()
    assert line.count_rows("permissions_hourly") == 0
    line.rollups.round()
    assert line.values("permissions_hourly", "granted") == [1]
