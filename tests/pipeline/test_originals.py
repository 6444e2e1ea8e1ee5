"""Stored rows back as they were sent, and what is found to differ; without an engine."""

from typing import Any, Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from pipeline.batch import Mapped
from pipeline.context import Envelope, origin
from pipeline.logs import LogRows
from pipeline.logs import add_request as add_logs
from pipeline.messages import digest
from pipeline.retranslation import originals
from pipeline.retranslation.changes import changed_logs, changed_spans, check_changes, message_changes, plain
from pipeline.seen import SeenCache
from pipeline.spans import SpanRows, add_request
from schemas.topics import LOGS, SPANS
from tests.pipeline.otlp_messages import log, log_request, span, span_id, span_request, trace

NO_BODIES: Final[dict[bytes, bytes]] = {}
SPOKEN: Final = '[{"role":"user","content":"hello"}]'


def days(project: str, signal: str) -> int:
    return 7


def around(topic: str) -> Envelope:
    return Envelope(topic, 0, 1, 1_760_000_500_000_000_000, "", "p", 1)


def mapped_spans(*said: Any) -> Mapped:
    rows = SpanRows(SeenCache())
    add_request(rows, span_request(said), around(SPANS), origin, days)
    return rows.mapped(())


def mapped_logs(*said: Any) -> Mapped:
    rows = LogRows(SeenCache(), days)
    add_logs(rows, log_request(said), around(LOGS), origin, days)
    return rows.mapped(())


def bodies(mapped: Mapped) -> Any:
    table = mapped.tables["message_bodies"].to_pylist() if "message_bodies" in mapped.tables else []
    return {row["hash"]: row["body"] for row in table}.__getitem__


def attributes(record: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in record.attributes}


def test_a_span_comes_back_without_what_translation_added() -> None:
    said = {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 7, "input.value": "long " * 1_000}
    sent = span(1, "call", (0, 10), said, parent=9, trace_state="a=b")
    sent.events.add(name="e", time_unix_nano=5, attributes=[])
    sent.links.add(trace_id=trace(2), span_id=span_id(3), trace_state="c")
    sent.status.code, sent.status.message = Status.STATUS_CODE_ERROR, "no"
    mapped = mapped_spans(sent)
    (row,) = plain(mapped.tables["spans"])
    assert "gen_ai.response.model" in row["added"].split(",")
    back = originals.span(row, bodies(mapped), {})
    assert attributes(back) == {name: str(value) for name, value in said.items()}
    for name in ("trace_id", "span_id", "parent_span_id", "trace_state", "name", "kind", "start_time_unix_nano", "end_time_unix_nano"):
        assert getattr(back, name) == getattr(sent, name), name
    assert (back.events, back.links, back.status) == (sent.events, sent.links, sent.status)


def test_messages_of_the_standard_vocabulary_come_back_with_why_they_ended() -> None:
    answer = '[{"role":"assistant","parts":[{"type":"text","content":"bye"}],"finish_reason":"stop"}]'
    mapped = mapped_spans(
        span(1, "chat", (0, 10), {"gen_ai.operation.name": "chat", "gen_ai.input.messages": SPOKEN, "gen_ai.output.messages": answer})
    )
    (row,) = plain(mapped.tables["spans"])
    messages = plain(mapped.tables["message_rows"])
    finish = {(one["step_id"], one["content_hash"]): one["finish_reason"] for one in messages if one["finish_reason"]}
    again = mapped_spans(originals.span(row, bodies(mapped), finish))
    assert plain(again.tables["message_rows"]) == messages
    assert plain(again.tables["spans"]) == [row]
    with pytest.raises(KeyError):
        originals.span(row, NO_BODIES.__getitem__, {})


def test_a_stand_in_of_a_span_that_has_begun() -> None:
    said = {"logfire.span_type": "pending_span", "logfire.pending_parent_id": "0" * 16}
    (row,) = plain(mapped_spans(span(2, "run", (0, 0), said, parent=1)).tables["spans"])
    assert (row["SpanId"], row["final"]) == (span_id(1).hex(), 0)
    assert plain(mapped_spans(originals.span(row, NO_BODIES.__getitem__, {})).tables["spans"]) == [row]


def test_a_log_record_comes_back() -> None:
    said = {"gen_ai.input.messages": SPOKEN, "gen_ai.conversation.id": "c", "event.name": "told"}
    mapped = mapped_logs(log("body", 5, said), log("claude_code.user_prompt", 6, {"prompt": "go", "session.id": "s"}))
    told, prompt = plain(mapped.tables["log_records"])
    back = originals.log(told, bodies(mapped), {})
    assert attributes(back)["gen_ai.input.messages"] == '[{"parts":[{"content":"hello","type":"text"}],"role":"user"}]'
    assert back.event_name == "told"
    back = originals.log(prompt, bodies(mapped), {})
    assert (attributes(back), back.event_name) == ({"prompt": "go", "session.id": "s"}, "")


def test_what_a_sender_calls_a_list_need_be_none() -> None:
    (row,) = plain(mapped_logs(log("body", 5, {"gen_ai.input.messages": "list: of words"})).tables["log_records"])
    assert attributes(originals.log(row, NO_BODIES.__getitem__, {})) == {"gen_ai.input.messages": "list: of words"}


def test_only_what_differs_is_written_and_as_a_newer_version() -> None:
    batch = mapped_spans(span(1, "a", (0, 10)), span(2, "b", (0, 10))).tables["spans"]
    rows = plain(batch)
    keys = [(row["project"], row["TraceId"], row["SpanId"]) for row in rows]
    same, other = rows[0], {**rows[1], "name": "x", "SpanName": "x"}
    changed = changed_spans(batch, rows, dict(zip(keys, (same, other), strict=True)))
    assert changed is not None
    assert [(row["SpanName"], row["version"]) for row in plain(changed)] == [("b", rows[1]["version"] + 1)]
    stronger = {**other, "version": 2**64 - 1, "log_offset": 99}
    assert changed_spans(batch, rows, dict(zip(keys, (same, stronger), strict=True))) is None


def test_a_record_that_was_placed_stays_where_it_is() -> None:
    batch = mapped_logs(log("a", 5, in_trace=1)).tables["log_records"]
    rows = plain(batch)
    placed = {**rows[0], "thread_id": "t", "version": rows[0]["version"] + 1}
    assert changed_logs(batch, rows, {rows[0]["record_id"]: placed}) is None
    changed = changed_logs(batch, rows, {rows[0]["record_id"]: {**placed, "level": "ERROR"}})
    assert changed is not None
    assert plain(changed)[0]["version"] == rows[0]["version"] + 2
    assert plain(None) == []


def test_messages_and_checks_that_nobody_says_any_more() -> None:
    said = dict.fromkeys(("project", "trace_id", "role", "direction", "tool_call_id", "tool_name", "finish_reason", "step_id"), "x")
    row = {**said, "content_hash": digest(b"a"), "occurrence": 1, "position": 0, "thread_id": "x", "timestamp": 5}
    moved, earlier, later = {**row, "thread_id": "t"}, {**row, "timestamp": 4, "step_id": "y"}, {**row, "timestamp": 6}
    assert message_changes([row, moved], [row], set()) == ([], [])
    assert message_changes([row], [earlier], set()) == ([], [0])
    assert message_changes([row], [later], set()) == ([row], [0])
    assert message_changes([row], [], {"x"}) == ([], [])
    check = {"project": "p", "thread_id": "t", "trace_id": "x", "event_id": "e", "result": "allow", "version": 2}
    assert check_changes([check], [{**check, "thread_id": "x", "version": 4}]) == ([], [])
    assert check_changes([check], [{**check, "result": "deny"}]) == ([check], [0])
