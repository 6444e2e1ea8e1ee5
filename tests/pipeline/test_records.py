"""Log records: levels, names, identity, and what some of them mean."""

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from pipeline.logs import exception, level
from schemas.events import EVERYTHING
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import at, hex_span, hex_trace, log, log_request, span, trace, value

CHECK = {"permission.check.id": "k", "permission.resource.type": "file", "permission.resource.id": "/a", "permission.action": "read"}


@pytest.mark.parametrize(
    ("number", "word", "wanted"),
    [(1, "", "DEBUG"), (8, "", "DEBUG"), (9, "", "INFO"), (12, "", "INFO"), (13, "", "WARN"), (16, "", "WARN"), (17, "", "ERROR"), (24, "", "ERROR"),
     (0, "fatal", "ERROR"), (0, " Warning ", "WARN"), (0, "TRACE", "DEBUG"), (0, "notice", "INFO"), (0, "whatever", "INFO"), (0, "", "INFO"), (9, "error", "INFO")],
)  # fmt: skip
def test_levels(number: int, word: str, wanted: str) -> None:
    assert level(number, word) == wanted


def test_exceptions_as_text() -> None:
    said = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "at x"}
    assert exception(said) == "E: m\nat x"
    assert exception({"exception.stacktrace": "at x"}) == "at x"
    assert exception({"exception.message": "m"}) == "m"
    assert exception({}) == ""


def test_every_column(line: Line) -> None:
    record = log(
        "hello", 5, {"a": 1, "mission_control.mcp.id": "files"}, 1, 2, "thing.happened", severity_number=13, severity_text="warn", flags=257
    )
    request = log_request([record])
    request.resource_logs[0].schema_url, request.resource_logs[0].scope_logs[0].schema_url = "r", "s"
    line.write("otlp_logs", request)
    (row,) = line.rows("otel_logs")
    assert {name: row[name] for name in row if name not in ("Timestamp", "ResourceAttributes")} == {
        "TraceId": hex_trace(1), "SpanId": hex_span(2), "TraceFlags": 1, "SeverityText": "warn", "SeverityNumber": 13, "ServiceName": "planner",
        "Body": "hello", "ResourceSchemaUrl": "r", "ScopeSchemaUrl": "s", "ScopeName": "tests", "ScopeVersion": "1.0", "ScopeAttributes": {},
        "LogAttributes": {"a": "1", "mission_control.mcp.id": "files"}, "EventName": "thing.happened",
    }  # fmt: skip
    assert line.values("logs", "level, mcp_id, event_name, message") == [("WARN", "files", "thing.happened", "hello")]


def test_the_name_of_an_event_has_two_places(line: Line) -> None:
    line.logs(log("x", 1, {"event.name": "attribute"}), log("x", 2, {"event.name": "attribute"}, event="field"), log("x", 3))
    assert line.values("logs", "event_name") == ["attribute", "field", ""]


def test_a_record_without_a_time_happened_when_it_was_observed_or_received(line: Line) -> None:
    line.logs(LogRecord(observed_time_unix_nano=at(7), body=value("observed")), LogRecord(body=value("neither")))
    odd = LogRecord(time_unix_nano=2**64 - 1, flags=2**32 - 1)
    odd.MergeFromString(b"\x10\x4d")  # severity number 77
    line.logs(odd)
    rows = line.values("log_records", "Body, toUnixTimestamp64Nano(Timestamp)")
    assert dict(rows) == {"observed": at(7), "neither": line.received - 1_000_000, "": 2**63 - 1}


def test_bodies_of_any_kind(line: Line) -> None:
    line.logs(*[log(body, number) for number, body in enumerate(("text", {"k": [1]}, 5, None, b"\x01", True))])
    assert line.values("logs", "message") == ["text", '{"k":[1]}', "5", "", '"01"', "true"]


def test_a_resent_record_is_the_same_and_two_equal_ones_are_two(line: Line) -> None:
    twice = [log("same", 1), log("same", 1), log("other", 1)]
    line.logs(*twice)
    ids = line.values("log_records FINAL", "hex(record_id) AS id")
    line.logs(*twice)
    line.restart()
    line.logs(*twice, of=None)
    assert line.values("log_records FINAL", "hex(record_id) AS id") == ids
    assert len(set(ids)) == 3
    line.logs(log("same", 2), log("same", 1, {"k": 1}))
    assert line.count_rows("logs") == 5


def test_a_step_that_starts_is_a_running_span_until_the_real_one_comes(line: Line) -> None:
    said = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "t",
        "gen_ai.conversation.id": "c",
        "mission_control.step.name": "call t",
    }
    start = log("", 5, {**said, "mission_control.step.parent_span_id": hex_span(1)}, 1, 2, "mission_control.step.start")
    (mapped,) = line.logs(start, log("", 6, said, 0, 2, "mission_control.step.start"), log("", 6, said, 1, 0, "mission_control.step.start"))
    assert [event.type for event in mapped.events(EVERYTHING)] == ["step", "log", "log", "log"]
    line.summarise()
    assert line.values("threads", "thread_id, status, current_step") == [("c", "running", "call t")]
    assert line.values("execution_steps", "parent_step_id, status, ended_at, type") == [(hex_span(1), "running", None, "tool_call")]
    line.spans(span(2, "call t", (5, 9), said, 1), span(1, "agent", (1, 10), {"gen_ai.conversation.id": "c"}))
    line.summarise()
    assert line.values("threads", "status, step_count") == [("complete", 2)]
    assert line.values("otel_traces", "SpanName") == ["agent", "call t"]


@pytest.mark.parametrize("parent", ["not hex at all!!", "abc", ""])
def test_a_parent_that_is_no_span_id_is_none(line: Line, parent: str) -> None:
    line.logs(log("", 5, {"mission_control.step.parent_span_id": parent}, 1, 2, "mission_control.step.start"))
    assert line.values("spans", "ParentSpanId") == [""]


def test_a_check_asked_and_answered_is_one_event(line: Line) -> None:
    common = {**CHECK, "permission.subject.id": "ada", "gen_ai.conversation.id": "c"}
    line.logs(log("?", 100, {**common, "permission.result": "pending", "permission.reason": "asks"}, event="permission.check"))
    assert line.values("permission_events", "granted, decided_at, waited_ms, reason") == [(None, None, None, "asks")]
    line.logs(
        log("!", 350, {**common, "permission.result": "fail", "permission.reason": "no", "permission.rule": "r1"}, event="permission.check")
    )
    found = line.values("permission_events", "event_id, resource, action, subject, granted, waited_ms, reason, rule")
    assert found == [("k", "file:/a", "read", "ada", 0, 250.0, "no", "r1")]


@pytest.mark.parametrize(
    ("said", "granted"),
    [
        ("allow", 1),
        ("pass", 1),
        ("allowed", 1),
        ("deny", 0),
        ("fail", 0),
        ("denied", 0),
        ("error", 0),
        ("", 0),
        ("ask", None),
        ("pending", None),
    ],
)
def test_results_have_many_names(line: Line, said: str, granted: int | None) -> None:
    (mapped,) = line.logs(log("", 1, {**CHECK, "permission.result": said}, 1, 2, "mission_control.permission.check"))
    assert line.values("permission_events", "granted, thread_id") == [(granted, hex_trace(1))]
    (event,) = [event for event in mapped.events(EVERYTHING) if event.type == "permission"]
    assert event.payload["granted"] == (None if granted is None else bool(granted))


def test_a_check_without_an_id_is_told_apart_by_what_it_is_about(line: Line) -> None:
    about = {name: text for name, text in CHECK.items() if name != "permission.check.id"}
    records = [log("", 1, {**about, "mission_control.permission.result": "allow"}, 1, 2, "permission.check")]
    records.append(log("", 1, {**about, "permission.action": "write"}, 1, 2, "permission.check"))
    line.logs(*records)
    line.logs(*records)
    assert line.count_rows("permission_events") == 2


def test_escalation_is_computed_here(line: Line) -> None:
    asked: dict[str, Any] = {"mission_control.permission.asked": ["fs.write"], "mission_control.permission.held": ["fs.read"]}
    line.logs(log("", 1, {**CHECK, **asked, "permission.result": "ask"}, 1, 2, "permission.check"))
    line.logs(
        log(
            "",
            2,
            {**CHECK, "permission.check.id": "l", "permission.result": "ask", "permission.escalation.status": "expired"},
            1,
            2,
            "permission.check",
        )
    )
    found = line.values("permission_events", "escalation_detected, escalation_rule, escalation_status")
    assert found == [(1, "asked_beyond_held", "pending"), (0, "", "expired")]


def test_a_check_finds_the_thread_of_its_step_however_late(line: Line) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "c"}
    line.logs(log("", 1, {**CHECK, "permission.result": "deny"}, 1, 2, "permission.check"), log("note", 1, {}, 1, 9))
    line.summarise()
    assert line.values("threads", "thread_id") == []
    line.spans(span(2, "x", (0, 1), parent=1))
    line.summarise()
    assert line.values("threads", "thread_id, permission_denials") == [(hex_trace(1), 1)]
    line.spans(span(1, "agent", (0, 2), agent))
    line.summarise()
    assert line.values("threads", "thread_id, permission_denials") == [("c", 1)]
    line.logs(
        log("", 3, {**CHECK, "permission.check.id": "late", "permission.result": "deny"}, 1, 2, "permission.check"),
        log("later", 3, {}, 1, 2),
    )
    line.summarise()
    assert line.values("threads", "thread_id, permission_denials") == [("c", 2)]
    assert set(line.values("permission_events", "thread_id")) == set(line.values("logs", "thread_id")) == {"c"}


def test_what_moved_once_moves_again_and_back(line: Line) -> None:
    """a is the best name at first, then b is better, then the step's own parent says a."""
    said = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "hello"}
    line.spans(span(2, "chat", (2, 3), said, 9), span(3, "a", (1, 4), {"session.id": "a"}, 8))
    line.logs(log("note", 2, {}, 1, 2), log("", 2, {**CHECK, "permission.result": "ask"}, 1, 2, "permission.check"))
    seen = []
    for better in (None, span(4, "b", (0, 5), {"mission_control.thread.id": "b"}, 7), span(9, "parent", (1, 4), {"session.id": "a"})):
        if better is not None:
            line.spans(better)
        line.summarise()
        seen.append([sorted(set(line.values(view, "thread_id"))) for view in ("llm_messages", "logs", "permission_events")])
    assert seen == [[["a"], ["a"], ["a"]], [["b"], ["b"], ["b"]], [["a"], ["a"], ["a"]]]
    assert trace(1).hex() not in line.values("threads", "thread_id")
