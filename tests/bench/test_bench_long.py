"""Very long threads, short: what is sent, and the measurement once on the real system."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import long


def said(call: long.Call) -> tuple[list[Any], list[Any]]:
    (span,) = ExportTraceServiceRequest.FromString(call.body).resource_spans[0].scope_spans[0].spans
    found = {item.key: item.value.string_value for item in span.attributes}
    return json.loads(found["gen_ai.input.messages"]), json.loads(found["gen_ai.output.messages"])


def test_each_call_sends_all_that_was_said_before() -> None:
    history: list[Any] = []
    for call in long.conversation(4, 10**18):
        given, answered = said(call)
        assert given[:-1] == history
        assert call.message_bytes > len(given) * 50
        history = [*given, *answered]
    assert len(history) == 8


@pytest.mark.slow
def test_the_measurement_goes_on_working(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long, "REST", 0.2)
    monkeypatch.setattr(long, "OPENINGS", 2)
    result = long.measure(200, 20)
    (table,) = result.tables
    assert [row[0] for row in table.rows] == ["200 spans", "20 calls, all resent"]
    assert len(result.figures) == 5
