"""A request taken apart: each record alone, with its own resource, scope and schemas."""

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.mappers import single_records
from schemas.topics import LOGS, METRICS, SPANS
from tests.pipeline.otlp_messages import resource


@pytest.mark.parametrize(
    ("topic", "request_type", "names"),
    [
        (SPANS, ExportTraceServiceRequest, ("resource_spans", "scope_spans", "spans")),
        (LOGS, ExportLogsServiceRequest, ("resource_logs", "scope_logs", "log_records")),
        (METRICS, ExportMetricsServiceRequest, ("resource_metrics", "scope_metrics", "metrics")),
    ],
)
def test_every_record_comes_alone_and_whole(topic: str, request_type: Any, names: tuple[str, str, str]) -> None:
    resources, scopes, records = names
    request = request_type()
    for service in ("a", "b"):
        block = getattr(request, resources).add(resource=resource(service), schema_url=f"resource-{service}")
        for version in ("1", "2"):
            scope = getattr(block, scopes).add(schema_url=f"scope-{version}")
            scope.scope.name, scope.scope.version = "s", version
            getattr(scope, records).add()
            getattr(scope, records).add()
    parts = list(single_records(topic, request))
    assert len(parts) == 8
    merged = request_type()
    for part in parts:
        ((block,), (scope,)) = getattr(part, resources), getattr(getattr(part, resources)[0], scopes)
        assert len(getattr(scope, records)) == 1
        merged.MergeFrom(part)
        assert (block.schema_url, scope.scope.name) == (f"resource-{block.resource.attributes[0].value.string_value}", "s")
    assert [block.schema_url for block in getattr(merged, resources)] == ["resource-a"] * 4 + ["resource-b"] * 4
