"""Copies of recordings are requests of their own, and what they cost is a table."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.dialects import PER_REQUEST, Recording, copies, costs, recordings, whole_way
from tests.pipeline.otlp_messages import span, span_request


def test_copies_share_neither_ids_nor_threads_nor_texts() -> None:
    said = {"session.id": "s", "metadata": '{"thread_id": "t"}', "text": "how are you", "kind": "LLM", "listed": ["the end"]}
    recording = Recording("x", span_request([span(1, "one name", (0, 1), said), span(2, "x", (0, 1), parent=1)]))
    (raw, spans), *others = copies(recording, PER_REQUEST)
    assert (spans, others, recording.spans) == (PER_REQUEST, [], 2)
    request = ExportTraceServiceRequest.FromString(raw)
    copied = [one for resource in request.resource_spans for one in resource.scope_spans[0].spans]
    assert len({one.span_id for one in copied}) == PER_REQUEST
    assert [one.parent_span_id for one in copied[1::2]] == [one.span_id for one in copied[::2]]
    assert {one.name for one in copied} == {"one name", "x"}
    texts = {item.key: item.value.string_value for item in copied[6].attributes}
    assert texts == {"session.id": "s-3", "metadata": '{"thread_id": "3-t"}', "text": "how 3 are 3 you", "kind": "LLM", "listed": ""}


@pytest.mark.slow
def test_what_recordings_cost() -> None:
    """Of those that lie in the repository."""
    mine = costs(100, use_kernel=False, named="langgraph")
    assert [(cost.dialect, cost.taken) for cost in mine] == [("openinference", 0)]
    assert min(mine[0].micros, mine[0].attributes, mine[0].bytes) > 0
    translated = [one for one in recordings() if one.name.startswith("google-adk")]
    assert whole_way(translated, 100) > 0
