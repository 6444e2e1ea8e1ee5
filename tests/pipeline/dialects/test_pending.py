"""Logfire's stand-ins for spans that have begun become those spans, running."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.dialects.pending import pending
from tests.pipeline.dialects.sdk_spans import recorded, rows_of
from tests.pipeline.otlp_messages import hex_span, span, span_id

TYPE, PARENT = "logfire.span_type", "logfire.pending_parent_id"


def stand_in(parent: str) -> Span:
    return span(9, "agent run", (5, 5), {TYPE: "pending_span", PARENT: parent}, parent=2)


@pytest.mark.parametrize(
    ("said", "parent"),
    [
        ("0000000000000007", span_id(7)), ("0000000000000000", b""), ("", b""), ("zz", b""), ("07", b""), ("0" * 15 + "é", b""), ("07" * 1000, b""),
    ],
)  # fmt: skip
def test_the_real_ids(said: str, parent: bytes) -> None:
    assert pending({TYPE: "pending_span", PARENT: said}, hex_span(2)) == parent
    (row,) = rows_of("logfire", [stand_in(said)]).all
    assert (row["SpanId"], row["ParentSpanId"], row["SpanName"]) == (hex_span(2), parent.hex(), "agent run")


@pytest.mark.parametrize(("found", "parent"), [({}, "02"), ({TYPE: "span"}, "02"), ({TYPE: "log"}, "02"), ({TYPE: "pending_span"}, "")])
def test_other_spans_are_none(found: dict[str, str], parent: str) -> None:
    assert pending(found, parent) is None


def test_the_stand_in_is_a_running_row_of_the_real_span() -> None:
    ended = span(2, "agent run", (5, 25), {TYPE: "span"}, parent=7)
    rows = rows_of("logfire", [stand_in(hex_span(7)), ended])
    assert rows.columns("SpanId ParentSpanId final status Duration") == [
        (hex_span(2), hex_span(7), 0, "running", 0),
        (hex_span(2), hex_span(7), 1, "complete", 20_000_000),
    ]
    begun, end = rows.all
    assert begun["version"] < end["version"], "whichever comes last, the end stands"


def test_as_logfire_sends_them() -> None:
    rows = recorded("logfire/pending-spans.otlp.json")
    agent, tool, inside = "0220215e90841096", "fa19871e6399cdff", "57ff81ea3dfa546d"
    assert rows.columns("SpanName SpanId ParentSpanId final status") == [
        ("agent run", agent, "", 0, "running"),
        ("running tool", tool, agent, 0, "running"),
        ("inside", inside, tool, 1, "complete"),
        ("running tool", tool, agent, 1, "complete"),
        ("agent run", agent, "", 1, "complete"),
    ]
