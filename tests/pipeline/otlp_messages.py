"""OTLP messages put together by hand, with small numbers as ids and milliseconds after BASE as times."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

MILLISECOND: Final = 1_000_000
HOUR: Final = 3600
BASE_HOUR: Final = 1_760_000_400
"""Seconds: the start of an hour long past, so that no clock of a test's machine matters."""
BASE: Final = (BASE_HOUR + 60) * 1_000_000_000
INTERNAL, SERVER, CLIENT = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
OK, ERROR = Status.STATUS_CODE_OK, Status.STATUS_CODE_ERROR
NO_ATTRIBUTES: Final[Mapping[str, Any]] = {}


def at(milliseconds: float) -> int:
    """Nanoseconds since 1970."""
    return BASE + int(milliseconds * MILLISECOND)


def trace(number: int) -> bytes:
    return number.to_bytes(16, "big")


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big") if number else b""


def hex_trace(number: int) -> str:
    return trace(number).hex()


def hex_span(number: int) -> str:
    return span_id(number).hex()


def value(said: Any) -> AnyValue:
    if isinstance(said, bool):
        return AnyValue(bool_value=said)
    if isinstance(said, int):
        return AnyValue(int_value=said)
    if isinstance(said, float):
        return AnyValue(double_value=said)
    if isinstance(said, bytes):
        return AnyValue(bytes_value=said)
    if isinstance(said, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=items(said)))
    if isinstance(said, list | tuple):
        return AnyValue(array_value=ArrayValue(values=[value(item) for item in said]))
    return AnyValue() if said is None else AnyValue(string_value=said)


def items(said: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(item)) for key, item in said.items()]


def span(
    number: int,
    name: str,
    times: tuple[float, float],
    attributes: Mapping[str, Any] = NO_ATTRIBUTES,
    parent: int = 0,
    in_trace: int = 1,
    **more: Any,
) -> Span:
    """`times`: start and end in milliseconds after BASE; an end of -1 stands for none."""
    start, end = times
    return Span(
        trace_id=trace(in_trace),
        span_id=span_id(number),
        parent_span_id=span_id(parent),
        name=name,
        start_time_unix_nano=at(start),
        end_time_unix_nano=0 if end < 0 else at(end),
        attributes=items(attributes),
        **{"kind": INTERNAL, **more},
    )


def log(
    body: Any, when: float, attributes: Mapping[str, Any] = NO_ATTRIBUTES, in_trace: int = 0, in_span: int = 0, event: str = "", **more: Any
) -> LogRecord:
    return LogRecord(
        time_unix_nano=at(when),
        body=value(body),
        attributes=items(attributes),
        trace_id=trace(in_trace) if in_trace else b"",
        span_id=span_id(in_span),
        event_name=event,
        **more,
    )


def resource(service: str = "planner", **attributes: Any) -> Resource:
    named = {name.replace("__", "."): said for name, said in attributes.items()}
    return Resource(attributes=items({"service.name": service, **named}))


SCOPE: Final = InstrumentationScope(name="tests", version="1.0")


def span_request(spans: Sequence[Span], of: Resource | None = None) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.resource_spans.add(resource=of or resource()).scope_spans.add(scope=SCOPE, spans=spans)
    return request


def log_request(records: Sequence[LogRecord], of: Resource | None = None) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    request.resource_logs.add(resource=of or resource()).scope_logs.add(scope=SCOPE, log_records=records)
    return request


def metric_request(metrics: Sequence[Metric], of: Resource | None = None) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add(resource=of or resource()).scope_metrics.add(scope=SCOPE, metrics=metrics)
    return request
