"""Per signal: how records of the log become one mapped batch, and how a request is taken apart when something in it is poison."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline import logs, metrics, spans
from pipeline.batch import LedgerRow, Mapped
from pipeline.context import Envelope, Retention, Seen, origin
from schemas import topics

Request = Any
"""One of the three Export…ServiceRequest messages."""


class Rows(Protocol):
    """Rows of one signal under construction."""

    def mapped(self, ledger: Sequence[LedgerRow]) -> Mapped: ...


class Mapper:
    """Maps the requests of one topic. Pure but for what it is told about bodies the store has."""

    def __init__(self, topic: str, new_rows: Callable[[], Rows], add: Callable[..., list[LedgerRow]], retention: Retention) -> None:
        self.topic = topic
        self._new_rows, self._add, self._retention = new_rows, add, retention

    def map(self, requests: Sequence[tuple[Envelope, Request]]) -> Mapped:
        """All requests as one batch. Whatever it raises is a defect of one of them."""
        rows = self._new_rows()
        ledger: list[LedgerRow] = []
        for around, request in requests:
            ledger.extend(self._add(rows, request, around, origin, self._retention))
        return rows.mapped(ledger)


def mapper(topic: str, seen: Seen, retention: Retention) -> Mapper:
    if topic == topics.SPANS:
        return Mapper(topic, lambda: spans.SpanRows(seen), spans.add_request, retention)
    if topic == topics.LOGS:
        return Mapper(topic, lambda: logs.LogRows(seen, retention), logs.add_request, retention)
    return Mapper(topic, metrics.MetricRows, metrics.add_request, retention)


def single_records(topic: str, request: Request) -> Iterator[Request]:
    """The request taken apart into requests of one record each."""
    return _SPLITS[topic](request)


def _split_spans(request: ExportTraceServiceRequest) -> Iterator[ExportTraceServiceRequest]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                one = ExportTraceServiceRequest()
                block = one.resource_spans.add(resource=resource.resource, schema_url=resource.schema_url)
                block.scope_spans.add(scope=scope.scope, schema_url=scope.schema_url, spans=[span])
                yield one


def _split_logs(request: ExportLogsServiceRequest) -> Iterator[ExportLogsServiceRequest]:
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                one = ExportLogsServiceRequest()
                block = one.resource_logs.add(resource=resource.resource, schema_url=resource.schema_url)
                block.scope_logs.add(scope=scope.scope, schema_url=scope.schema_url, log_records=[record])
                yield one


def _split_metrics(request: ExportMetricsServiceRequest) -> Iterator[ExportMetricsServiceRequest]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                one = ExportMetricsServiceRequest()
                block = one.resource_metrics.add(resource=resource.resource, schema_url=resource.schema_url)
                block.scope_metrics.add(scope=scope.scope, schema_url=scope.schema_url, metrics=[metric])
                yield one


_SPLITS: Final[Mapping[str, Callable[[Any], Iterator[Request]]]] = {
    topics.SPANS: _split_spans,
    topics.LOGS: _split_logs,
    topics.METRICS: _split_metrics,
}
