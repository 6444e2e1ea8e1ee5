"""Whatever protobuf can say goes through mapping, writing and summaries: stored, or set aside, never raised."""

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline import vocabulary
from schemas.errors import MalformedRequestError
from schemas.events import EVERYTHING
from schemas.otlp import REQUESTS, parse_lenient
from schemas.store import ClickHouseStore
from schemas.topics import LOGS, METRICS, SPANS
from tests.pipeline.line import Line

NAMES = (
    *vocabulary.SOURCES, *vocabulary.THREAD_SOURCES, *vocabulary.HEAVY, "gen_ai.operation.name", "mcp.method.name", "event.name", "error.type",
    "permission.result", "permission.inheritance", "mission_control.permission.asked", "mission_control.permission.held",
    "gen_ai.response.finish_reasons", "mission_control.step.parent_span_id", "exception.type",
)  # fmt: skip
WORDS = (
    "", "chat", "execute_tool", "invoke_agent", "tools/call", "permission.check", "session.start", "session.end", "mission_control.step.start",
    '[{"role":"user","parts":[{"type":"text","content":"x"}]}]', '[{"role":null,"content":null}]', "[[[", '{"a":' * 40, "NaN", "1e999", "-1", "ask",
    "nul\0", "\ufffd", "it's \\ \n", "9" * 400, "\U0010ffff",
)  # fmt: skip
_INTEGERS = {
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1), FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1), FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1), FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1), FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1), FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1), FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_ENUM: (-(2**31), 2**31 - 1),
}  # fmt: skip


def scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.type in _INTEGERS:
        low, high = _INTEGERS[field.type]
        return st.sampled_from((low, high, 0, 1, 2, 3)) | st.integers(low, high)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return st.floats()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.sampled_from((b"", b"\0" * 8, b"12345678", b"\1" * 16, b"x" * 40))
    return st.sampled_from(NAMES if field.name == "key" else WORDS) | st.text(max_size=8)


def fill(draw: Any, message: Message, depth: int) -> None:
    """Some of the message's fields, never deeper than `depth`."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None:
            if depth and draw(st.integers(0, 9)) < (9 if field.is_repeated else 6):
                for _ in range(draw(st.integers(1, 3)) if field.is_repeated else 1):
                    fill(draw, getattr(message, field.name).add() if field.is_repeated else _set(message, field.name), depth - 1)
        elif draw(st.booleans()):
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(scalar(field), max_size=3)))
            else:
                setattr(message, field.name, draw(scalar(field)))


def _set(message: Message, name: str) -> Message:
    inner: Message = getattr(message, name)
    inner.SetInParent()
    return inner


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data(), topic=st.sampled_from((SPANS, LOGS, METRICS)))
def test_whatever_protobuf_can_say(store: ClickHouseStore, data: st.DataObject, topic: str) -> None:
    line = Line(store)
    for _ in range(data.draw(st.integers(1, 3))):
        request = REQUESTS[topic]()
        fill(data.draw, request, 7)
        results = line.write(topic, request)
        letters = [letter for mapped in results for letter in mapped.dead_letters]
        assert letters == [], letters[0].error
        ledger = [row for mapped in results for row in mapped.ledger]
        assert sum(row.stored + row.rejected for row in ledger) == sum(row.records for row in ledger)
        for mapped in results:
            mapped.events(EVERYTHING)
    line.summarise()
    line.heard.events()
    line.rollups.round()
    assert set(line.values("traces FINAL", "trace_id")) == set(line.values("spans", "TraceId"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data(), topic=st.sampled_from((SPANS, LOGS, METRICS)))
def test_bytes_that_were_damaged_on_their_way(store: ClickHouseStore, data: st.DataObject, topic: str) -> None:
    request = REQUESTS[topic]()
    fill(data.draw, request, 6)
    raw = bytearray(request.SerializeToString())
    for place in data.draw(st.lists(st.integers(0, max(0, len(raw) - 1)), max_size=4)):
        if raw:
            raw[place] = data.draw(st.integers(0, 255))
    try:
        read = parse_lenient(topic, bytes(raw))
    except MalformedRequestError:
        return
    line = Line(store)
    assert [letter for mapped in line.write(topic, read) for letter in mapped.dead_letters] == []
