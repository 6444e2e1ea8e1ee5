"""The generator makes the same agent-shaped bytes every time."""

import json
from collections import Counter

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.load import Body, Load

START = 1_760_000_000_000_000_000


def _spans(bodies: list[Body]) -> list[Span]:
    requests = [ExportTraceServiceRequest.FromString(body.data) for body in bodies]
    return [span for request in requests for block in request.resource_spans for scope in block.scope_spans for span in scope.spans]


def _values(span: Span) -> dict[str, str]:
    return {item.key: item.value.string_value for item in span.attributes}


def test_one_seed_gives_the_same_bytes() -> None:
    one, other = (list(Load(7, START).spans(2000)) for _ in range(2))
    assert one == other
    assert one != list(Load(8, START).spans(2000))


def test_a_span_is_about_850_bytes() -> None:
    """A little less at first, while histories are short."""
    bodies = list(Load(7, START).spans(8000))[16:]
    assert 820 <= sum(len(body.data) for body in bodies) / sum(body.records for body in bodies) <= 880


def test_requests_are_as_large_as_asked_for() -> None:
    for size in (10, 50, 256):
        bodies = list(Load(7, START).spans(1000, size))
        assert all(size <= body.records < size + 10 for body in bodies[:-1])
        assert sum(body.records for body in bodies) == len(_spans(bodies)) >= 1000


def test_a_tool_call_is_one_step() -> None:
    bodies = list(Load(7, START).spans(1000))
    kinds = Counter(_values(span).get("mcp.method.name", "") for span in _spans(bodies))
    assert sum(body.steps for body in bodies) == sum(body.records for body in bodies) - kinds["tools/call"]


def test_every_trace_has_one_root_and_no_lost_parent() -> None:
    spans = _spans(list(Load(7, START).spans(1000)))
    known = {(span.trace_id, span.span_id) for span in spans}
    assert len(known) == len(spans)
    assert all(not span.parent_span_id or (span.trace_id, span.parent_span_id) in known for span in spans)
    roots = Counter(span.trace_id for span in spans if not span.parent_span_id)
    assert set(roots.values()) == {1}
    assert len(roots) == len({span.trace_id for span in spans})


def test_model_calls_repeat_the_history() -> None:
    inputs = [_values(span).get("gen_ai.input.messages") for span in _spans(list(Load(7, START).spans(3000)))]
    assert max(len(json.loads(text)) for text in inputs if text) == 6


def test_the_long_thread_has_all_its_steps() -> None:
    bodies = list(Load(7, START).long_thread("long", 500))
    assert 500 <= sum(body.steps for body in bodies) < 520
    assert {_values(span)["gen_ai.conversation.id"] for span in _spans(bodies) if span.kind != Span.SPAN_KIND_SERVER} == {"long"}


def test_logs_and_permissions_belong_to_threads() -> None:
    load = Load(7, START)
    load.threads.extend(["a", "b"])
    for bodies in (list(load.logs(300)), list(load.permissions(300))):
        assert [body.records for body in bodies] == [256, 44]
        requests = [ExportLogsServiceRequest.FromString(body.data) for body in bodies]
        records = [record for request in requests for record in request.resource_logs[0].scope_logs[0].log_records]
        threads = {item.value.string_value for record in records for item in record.attributes if item.key == "gen_ai.conversation.id"}
        assert threads == {"a", "b"}
    assert {record.event_name for record in records} == {"permission.check"}
