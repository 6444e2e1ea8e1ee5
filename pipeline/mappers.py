"""Per signal: how records of the log become one mapped batch, and how a request is taken apart when something in it is poison."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from pipeline import logs, metrics, spans
from pipeline.batch import LedgerRow, Mapped
from pipeline.context import Envelope, Retention, Seen, origin
from pipeline.retention import ByMcp, by_mcp
from schemas import topics
from schemas.otlp import LEVELS

_NO_EXCEPTIONS: ByMcp = {}
Request = Any
"""One of the three Export…ServiceRequest messages."""


class Rows(Protocol):
    """Rows of one signal under construction."""

    def mapped(self, ledger: Sequence[LedgerRow]) -> Mapped: ...


class Mapper:
    """Maps the requests of one topic. Pure but for what it is told about bodies the store has."""

    def __init__(
        self, topic: str, new_rows: Callable[[], Rows], add: Callable[..., list[LedgerRow]], retention: Retention, by_mcp: ByMcp
    ) -> None:
        self.topic = topic
        self._new_rows, self._add, self._retention, self._by_mcp = new_rows, add, retention, by_mcp

    def map(self, requests: Sequence[tuple[Envelope, Request]]) -> Mapped:
        """All requests as one batch. Whatever it raises is a defect of one of them."""
        rows = self._new_rows()
        ledger: list[LedgerRow] = []
        for around, request in requests:
            ledger.extend(self._add(rows, request, around, origin, self._retention))
        return by_mcp(rows.mapped(ledger), self._by_mcp)


def mapper(topic: str, seen: Seen, retention: Retention, mcps: ByMcp = _NO_EXCEPTIONS) -> Mapper:
    if topic == topics.SPANS:
        return Mapper(topic, lambda: spans.SpanRows(seen), spans.add_request, retention, mcps)
    if topic == topics.LOGS:
        return Mapper(topic, lambda: logs.LogRows(seen, retention), logs.add_request, retention, mcps)
    return Mapper(topic, metrics.MetricRows, metrics.add_request, retention, mcps)


def single_records(topic: str, request: Request) -> Iterator[Request]:
    """The request taken apart into requests of one record each."""
    resources, scopes, records = LEVELS[topic]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            for record in getattr(scope, records):
                one = type(request)()
                block = getattr(one, resources).add(resource=resource.resource, schema_url=resource.schema_url)
                getattr(block, scopes).add(scope=scope.scope, schema_url=scope.schema_url, **{records: [record]})
                yield one
