"""Per signal: how records of the log become one mapped batch, and how a request is taken apart when something in it is poison."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pipeline import logs, metrics, spans
from pipeline.batch import DeadLetter, LedgerRow, Mapped, Sent
from pipeline.context import Envelope, Retention, Seen, origin
from pipeline.native import Native, NativeMapper
from pipeline.retention import ByMcp, by_mcp
from schemas import topics
from schemas.errors import MalformedRequestError
from schemas.otlp import LEVELS, parse_lenient

_NO_EXCEPTIONS: ByMcp = {}
Request = Any
"""One of the three Export…ServiceRequest messages."""


class Rows(Protocol):
    """Rows of one signal under construction."""

    def mapped(self, ledger: Sequence[LedgerRow]) -> Mapped: ...


class Maps(Protocol):
    """Maps the requests of one topic, bytes to columns. Pure but for what it is told about bodies the store has."""

    @property
    def topic(self) -> str: ...

    def map(self, requests: Sequence[Sent]) -> Mapped:
        """All requests as one batch; what is no OTLP is in it as a dead letter. Whatever it raises is a defect of one of them."""
        ...


class Mapper:
    """Mapping in Python, for every signal: the reference."""

    def __init__(
        self,
        topic: str,
        new_rows: Callable[[], Rows],
        add: Callable[..., list[LedgerRow]],
        retention: Retention,
        mcps: ByMcp = _NO_EXCEPTIONS,
    ) -> None:
        self.topic = topic
        self._new_rows, self._add, self._retention, self._mcps = new_rows, add, retention, mcps

    def map(self, requests: Sequence[Sent]) -> Mapped:
        rows = self._new_rows()
        ledger: list[LedgerRow] = []
        letters: list[DeadLetter] = []
        for around, raw in requests:
            try:
                request = parse_lenient(self.topic, raw)
            except MalformedRequestError as error:
                ledger.append(ledger_row(around, 0, 1))
                letters.append(dead_letter(around, 0, raw, error))
            else:
                ledger.extend(self._add(rows, request, around, origin, self._retention))
        return by_mcp(replace(rows.mapped(ledger), dead_letters=letters), self._mcps)


def mapper(topic: str, seen: Seen, retention: Retention, mcps: ByMcp = _NO_EXCEPTIONS, native: Native | None = None) -> Maps:
    """`native` maps what it can of the requests of traces; None: Python maps all."""
    if topic == topics.SPANS:
        return _span_mapper(seen, retention, mcps) if native is None else NativeMapper(native, _span_mapper, seen, retention, mcps)
    if topic == topics.LOGS:
        return Mapper(topic, lambda: logs.LogRows(seen, retention), logs.add_request, retention, mcps)
    return Mapper(topic, metrics.MetricRows, metrics.add_request, retention, mcps)


def _span_mapper(seen: Seen, retention: Retention, mcps: ByMcp) -> Mapper:
    return Mapper(topics.SPANS, lambda: spans.SpanRows(seen), spans.add_request, retention, mcps)


def ledger_row(around: Envelope, stored: int, rejected: int) -> LedgerRow:
    """What became of a request of which something was refused, here or when it came."""
    return LedgerRow(
        around.topic,
        around.partition,
        around.offset,
        around.received,
        around.source,
        around.project,
        stored + rejected + around.refused,
        stored,
        rejected + around.refused,
        around.size,
    )


def dead_letter(around: Envelope, part: int, payload: bytes, error: Exception) -> DeadLetter:
    """Part `part` of a request, whole, with the reason."""
    return DeadLetter(
        around.topic,
        around.partition,
        around.offset,
        part,
        around.received,
        around.source,
        around.project,
        type(error).__name__,
        str(error)[:4000],
        payload,
    )


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
