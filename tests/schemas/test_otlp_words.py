"""What is read off requests, and what is said in answer."""

import json
from typing import Any

import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # stubs without py.typed marker
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # as above
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from schemas import otlp
from schemas.topics import LOGS, METRICS, PROJECT_HEADER, SIGNALS, SPANS


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("application/x-protobuf", "protobuf"),
        ("application/protobuf", "protobuf"),
        ("Application/JSON ; charset=UTF-8", "json"),
        ("text/json", None),
        ("", None),
    ],
)
def test_encoding_of(header: str, encoding: str | None) -> None:
    assert otlp.encoding_of(header) == encoding


def test_count_of_each_signal() -> None:
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
        points = getattr(scope.metrics.add(name=kind), kind).data_points
        points.add()
        points.add()
    scope.metrics.add(name="empty")
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add()
    assert [otlp.count(block) for message in (metrics, logs) for block in otlp.blocks(message)] == [10, 1]


def test_resource_project() -> None:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add().resource
    assert otlp.resource_project(resource) == ""
    resource.attributes.add(key="service.name").value.string_value = "x"
    resource.attributes.add(key=PROJECT_HEADER).value.string_value = " shop "
    assert otlp.resource_project(resource) == "shop"


RESPONSES: dict[str, Any] = {SPANS: ExportTraceServiceResponse, LOGS: ExportLogsServiceResponse, METRICS: ExportMetricsServiceResponse}
REJECTED = {SPANS: "rejectedSpans", LOGS: "rejectedLogRecords", METRICS: "rejectedDataPoints"}


@pytest.mark.parametrize("topic", SIGNALS)
def test_success_bodies(topic: str) -> None:
    assert (otlp.success(topic, "protobuf"), otlp.success(topic, "json")) == (b"", b"{}")
    assert json.loads(otlp.success(topic, "json", 3, "why")) == {"partialSuccess": {REJECTED[topic]: "3", "errorMessage": "why"}}
    assert RESPONSES[topic].FromString(otlp.success(topic, "protobuf", 3, "why")).partial_success.error_message == "why"


def test_error_bodies() -> None:
    plain = otlp.status(3, "malformed")
    assert Status.FromString(otlp.status_body(plain, "protobuf")) == plain
    assert json.loads(otlp.status_body(plain, "json")) == {"code": 3, "message": "malformed"}


def test_error_bodies_say_when_to_retry() -> None:
    state = otlp.status(14, "later", 2.5)
    info = RetryInfo()
    assert state.details[0].Unpack(info)
    assert (info.retry_delay.seconds, info.retry_delay.nanos) == (2, 500_000_000)
    assert json.loads(otlp.status_body(state, "json"))["details"][0]["retryDelay"] == "2.500s"
