"""Traces: OTLP requests to columns of `spans`, `message_rows` and `message_bodies`. Pure: bytes in, columns out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline import vocabulary
from pipeline.batch import LedgerRow, Mapped, TraceKey
from pipeline.bodies import BodyRows
from pipeline.columns import ListColumn, MapColumn, SharedColumns, SparseColumns, times
from pipeline.context import Envelope, Origin, Retention, Seen
from pipeline.dialects import STANDARD, of_scope
from pipeline.dialects.dialect import Dialect, SpanEvent, SpanFacts
from pipeline.dialects.histories import put_away
from pipeline.dialects.same_call import COVER
from pipeline.dialects.same_call import Place as Cover
from pipeline.meaning import Claims, Speaker, meaning
from pipeline.messages import call_messages, user_text
from pipeline.permissions import PermissionRows
from pipeline.scores import ScoreRows
from pipeline.tell import permission_events, score_events, span_events
from pipeline.values import attributes, integer, number

KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUSES: Final = ("Unset", "Ok", "Error")
FINAL_BIT: Final = 1 << 63
TOLD_BIT: Final = 1 << 62
"""In versions of rows that a log event told: what the span says itself is better."""

_TEXT: Final = (pa.string(), "")
_COUNT: Final = (pa.uint64(), 0)
_MEASURE: Final = (pa.float64(), None)
SPARSE: Final[Mapping[str, tuple[pa.DataType, Any]]] = {
    "TraceState": _TEXT,
    "StatusMessage": _TEXT,
    "prompt_name": _TEXT,
    "prompt_version": _TEXT,
    "finish_reason": _TEXT,
    "error_message": _TEXT,
    "ttft_ms": _MEASURE,
    **dict.fromkeys(vocabulary.TEXT_SOURCES, _TEXT),
    **dict.fromkeys(vocabulary.COUNT_SOURCES, _COUNT),
    **dict.fromkeys(vocabulary.MEASURE_SOURCES, _MEASURE),
}
_SHARED: Final = {
    "project": pa.string(),
    "ServiceName": pa.string(),
    "ScopeName": pa.string(),
    "ScopeVersion": pa.string(),
    "environment": pa.string(),
    "service_version": pa.string(),
    "host": pa.string(),
    "received": pa.timestamp("ns", "UTC"),
    "log_partition": pa.uint16(),
    "log_offset": pa.uint64(),
    "retention_days": pa.uint16(),
}
SOURCES: Final[Mapping[str, tuple[str, int, Callable[[str], Any]]]] = {
    attribute: (column, rank, str if column in vocabulary.TEXT_SOURCES else integer if column in vocabulary.COUNT_SOURCES else number)
    for attribute, (column, rank) in vocabulary.SOURCES.items()
}
"""attribute -> column, rank among the column's sources (lowest wins), how its text becomes the column's value."""
_DENSE: Final = (
    ("TraceId", pa.string()), ("SpanId", pa.string()), ("ParentSpanId", pa.string()), ("Duration", pa.uint64()), ("SpanName", pa.string()),
    ("SpanKind", pa.string()), ("StatusCode", pa.string()), ("thread_key", pa.string()), ("thread_rank", pa.uint8()), ("type", pa.string()),
    ("status", pa.string()), ("final", pa.uint8()), ("version", pa.uint64()), ("origin", pa.string()), ("dialect", pa.string()),
    ("added", pa.string()),
)  # fmt: skip


class RowFacts(NamedTuple):
    """What a row of `spans` says of itself beside the span and its attributes: kind and status code as OTel's words, type and origin ours."""

    kind: str
    code: str
    type: str
    final: bool
    origin: str
    dialect: str
    added: str = ""
    """Names of the attributes that translation added, comma between."""


class SpanRows:
    """Rows of `spans` and of the messages in them, under construction."""

    def __init__(self, seen: Seen) -> None:
        self._dense: list[tuple[Any, ...]] = []
        self._starts: list[int] = []
        self._sparse = SparseColumns(SPARSE)
        self._shared = SharedColumns(_SHARED, ("ResourceAttributes",))
        self._attributes, self._references = MapColumn(), MapColumn()
        self._events, self._event_attributes = ListColumn(), MapColumn()
        self._event_times: list[int] = []
        self._event_names: list[str] = []
        self._links, self._link_attributes = ListColumn(), MapColumn()
        self._link_rows: list[tuple[str, str, str]] = []
        self._bodies = BodyRows(seen)
        self._claims = Claims()
        self._traces: dict[TraceKey, int] = {}
        self._here: tuple[Origin, Envelope, int] | None = None
        self._check_days = 0
        self._scope = ""
        self._dialect: Dialect | None = None

    def __len__(self) -> int:
        return len(self._dense)

    @property
    def permissions(self) -> PermissionRows:
        return self._claims.checks

    @property
    def scores(self) -> ScoreRows:
        return self._claims.scores

    def open(self, around: Envelope, here: Origin, scope: tuple[str, str], days: int, check_days: int = 0) -> None:
        """Begin a scope: what follows belongs to it. `days` of retention for spans, `check_days` for permission checks (0: the same)."""
        self._here, self._check_days = (here, around, days), check_days or days
        self._scope, self._dialect = scope[0], of_scope(scope[0])
        self._shared.open(
            {
                "project": here.project, "ServiceName": here.service, "ScopeName": scope[0], "ScopeVersion": scope[1],
                "environment": here.environment, "service_version": here.service_version, "host": here.host,
                "received": around.received, "log_partition": around.partition, "log_offset": around.offset, "retention_days": days,
            },
            {"ResourceAttributes": here.attributes},
        )  # fmt: skip

    def add(self, span: Span, origin_name: str = "span", final: bool = True) -> None:
        """Append one span. `final` False: it has begun and not ended."""
        assert self._here is not None
        facts = facts_of(self._scope, span)
        here, around, days = self._here
        meant = meaning(facts, self._dialect, final, Speaker(here.project, around, days, self._check_days), self._claims)
        if meant.begun is not None:
            span = _begun(span, meant.begun)
        found, dialect = facts.found, meant.dialect
        references = {} if dialect is None else put_away(found, dialect.histories, self._keep)
        step = RowFacts(
            facts.kind,
            STATUSES[span.status.code] if 0 <= span.status.code < 3 else STATUSES[0],
            meant.type or vocabulary.step_type(found),
            meant.final,
            origin_name,
            STANDARD if dialect is None else dialect.name,
            meant.added,
        )
        thread = vocabulary.thread_key(found)
        self._append(span, found, thread, step, references, FINAL_BIT if step.final else 0, facts.events)
        if meant.cover is not None:
            self._cover(span, meant.cover, thread, step)

    def add_told(self, span: Span, found: dict[str, str], kind: str, dialect: str) -> None:
        """Append a call that a log event told; `found` in canonical attributes, `kind` a type of step.

        It gives way to the span of the same ids, and not to the word that it began.
        """
        step = RowFacts(KINDS[3], STATUSES[0], kind, True, "log", dialect)
        self._append(span, found, vocabulary.thread_key(found), step, {}, TOLD_BIT)

    def add_messages(self, span: Span, found: dict[str, str], thread: str) -> None:
        """Append what a log record tells of the conversation of `span`, of which nothing else is known. Shortens `found`."""
        assert self._here is not None
        messages = call_messages(found)
        found.update(self._bodies.add_messages(self._here, (thread or span.trace_id.hex(), span.trace_id.hex()), span, messages))

    def _cover(self, span: Span, where: Cover, thread: tuple[str, int], step: RowFacts) -> None:
        """Append what hides the same call where a log event tells it."""
        cover = Span(
            trace_id=where.trace_id, span_id=where.span_id or span.span_id, parent_span_id=span.span_id, name=span.name, kind=span.kind,
            start_time_unix_nano=span.start_time_unix_nano, end_time_unix_nano=span.end_time_unix_nano,
        )  # fmt: skip
        self._append(cover, {}, thread, step._replace(type=COVER, origin="log", added=""), {}, FINAL_BIT)

    def _append(
        self, span: Span, found: dict[str, str], thread: tuple[str, int], step: RowFacts, references: dict[str, str], strength: int,
        events: Sequence[SpanEvent] = (),
    ) -> None:  # fmt: skip
        assert self._here is not None
        here, around, _ = self._here
        row, trace_id = len(self._dense), span.trace_id.hex()
        key, start, end = thread[0] or trace_id, span.start_time_unix_nano, span.end_time_unix_nano
        self._put_sparse(row, span, found, step.kind, here.service, events)
        self._dense.append(
            (
                trace_id, span.span_id.hex(), span.parent_span_id.hex(), max(0, end - start) if step.final else 0, span.name, step.kind, step.code,
                key, thread[1], step.type, step_status(found, step.code, step.final), 1 if step.final else 0,
                strength | around.received, step.origin, step.dialect, step.added,
            )
        )  # fmt: skip
        self._starts.append(start)
        self._shared.count(1)
        self._put_messages(row, span, found, (key, trace_id), step.type, references)
        self._attributes.append(found)
        self._put_events(events)
        self._put_links(span)
        touch = (here.project, trace_id)
        self._traces[touch] = min(self._traces.get(touch, around.received), around.received)

    def _keep(self, value: str) -> str:
        assert self._here is not None
        return self._bodies.add_pieces(self._here, value)

    def _put_sparse(self, row: int, span: Span, found: Mapping[str, str], kind: str, service: str, events: Sequence[SpanEvent]) -> None:
        put, ranks = self._sparse.put, dict[str, int]()
        for attribute, raw in found.items():
            if (source := SOURCES.get(attribute)) is None:
                continue
            column, rank, typed = source
            if rank < ranks.get(column, 99) and (value := typed(raw)):
                ranks[column] = rank
                put(column, row, value)
        if model := found.get("gen_ai.request.model"):
            put("request_model", row, model)
            if "model" not in ranks:
                put("model", row, model)
        if "tool_name" not in ranks and found.get("mcp.method.name") == "tools/call" and "tools/call " in span.name:
            put("tool_name", row, span.name.partition("tools/call ")[2])
        if "mcp_id" not in ranks and kind == "Server" and "mcp.method.name" in found:
            put("mcp_id", row, service)
        if seconds := number(found.get(vocabulary.TTFT_SECONDS, "")):
            put("ttft_ms", row, seconds * 1000)
        if reasons := found.get("gen_ai.response.finish_reasons"):
            put("finish_reason", row, reasons.strip('[]"').split('"')[0])
        if span.trace_state:
            put("TraceState", row, span.trace_state)
        if span.status.message:
            put("StatusMessage", row, span.status.message)
        if (span.status.code == 2 or "error.type" in found) and found.get(vocabulary.STEP_STATUS) != "paused":
            self._put_error(row, span.status.message, events, "error_type" in ranks)

    def _put_error(self, row: int, message: str, events: Sequence[SpanEvent], typed: bool) -> None:
        kind = ""
        for event in events:
            if event.name == "exception":
                details = event.attributes
                kind, message = details.get("exception.type", kind), message or details.get("exception.message", "")
        if not typed:
            self._sparse.put("error_type", row, kind or "error")
        if message:
            self._sparse.put("error_message", row, message)

    def _put_messages(
        self, row: int, span: Span, found: dict[str, str], keys: tuple[str, str], kind: str, references: dict[str, str]
    ) -> None:
        """Take what is heavy out of the attributes: messages become rows, all of it becomes bodies, references stay.

        A tool call's "messages" (Gemini CLI) are its arguments and result, no part of a conversation with a model.
        """
        if not vocabulary.HEAVY.isdisjoint(found):
            assert self._here is not None
            messages = call_messages(found) if kind != "tool_call" else []
            if (text := user_text(messages)) and "mission_control.user_input" not in found:
                self._sparse.put("user_input", row, text)
            references |= self._bodies.add_messages(self._here, keys, span, messages)
            for name in [name for name in found if name in vocabulary.HEAVY]:
                if name not in references:
                    references[name] = self._bodies.add_text(self._here, found[name])
                del found[name]
        if found and max(map(len, found.values())) > vocabulary.HEAVY_LENGTH:
            self._shorten(found, references)
        self._references.append(references)

    def _shorten(self, found: dict[str, str], references: dict[str, str]) -> None:
        assert self._here is not None
        for name, value in found.items():
            if len(value) > vocabulary.HEAVY_LENGTH:
                references[name] = self._bodies.add_text(self._here, value)
                found[name] = value[: vocabulary.PREVIEW_LENGTH]

    def _put_events(self, events: Sequence[SpanEvent]) -> None:
        for event in events:
            self._event_times.append(event.at)
            self._event_names.append(event.name)
            self._event_attributes.append(event.attributes)
        self._events.end(len(self._event_names))

    def _put_links(self, span: Span) -> None:
        if links := span.links:
            for link in links:
                self._link_rows.append((link.trace_id.hex(), link.span_id.hex(), link.trace_state))
                self._link_attributes.append(attributes(link.attributes))
        self._links.end(len(self._link_rows))

    def mapped(self, ledger: Sequence[LedgerRow]) -> Mapped:
        """All that was added, as one batch."""
        tables = self._bodies.tables()
        if len(self.permissions):
            tables["permission_rows"] = self.permissions.batch()
        if len(self.scores):
            tables["score_records"] = self.scores.batch()
        if self._dense:
            tables["spans"] = self._batch()
        bodies = self._bodies
        return Mapped(
            tables,
            ledger,
            traces=self._traces,
            threads=self.permissions.threads,
            unplaced=self._claims.unplaced,
            seen=bodies.fresh,
            events=lambda interest: [
                *span_events(tables, interest),
                *permission_events(tables),
                *score_events(tables, interest),
                *bodies.events(interest),
            ],
        )

    def _batch(self) -> pa.RecordBatch:
        rows = len(self._dense)
        dense = zip(_DENSE, zip(*self._dense, strict=True), strict=True)
        columns = {name: pa.array(values, kind) for (name, kind), values in dense}
        columns |= self._sparse.arrays(rows) | self._shared.arrays()
        columns["Timestamp"] = times(self._starts)
        columns["SpanAttributes"], columns["bodies"] = self._attributes.array(), self._references.array()
        columns["Events.Timestamp"] = self._events.array(times(self._event_times))
        columns["Events.Name"] = self._events.array(pa.array(self._event_names, pa.string()))
        columns["Events.Attributes"] = self._events.array(self._event_attributes.array())
        for at, name in enumerate(("TraceId", "SpanId", "TraceState")):
            columns[f"Links.{name}"] = self._links.array(pa.array([link[at] for link in self._link_rows], pa.string()))
        columns["Links.Attributes"] = self._links.array(self._link_attributes.array())
        return pa.record_batch(list(columns.values()), names=list(columns))


def facts_of(scope: str, span: Span) -> SpanFacts:
    """A span as dialects see it."""
    kind = KINDS[span.kind] if 0 <= span.kind < 6 else KINDS[0]
    return SpanFacts(
        scope, span.name, kind, attributes(span.attributes), not span.parent_span_id, span.trace_id.hex(), span.start_time_unix_nano,
        span.end_time_unix_nano, [SpanEvent(event.name, event.time_unix_nano, attributes(event.attributes)) for event in span.events],
        span.span_id.hex(), span.parent_span_id.hex(),
    )  # fmt: skip


def _begun(stand_in: Span, parent: bytes) -> Span:
    """The span that it stands in for."""
    begun = Span()
    begun.CopyFrom(stand_in)
    begun.span_id, begun.parent_span_id = stand_in.parent_span_id, parent
    return begun


def step_status(found: Mapping[str, str], code: str, final: bool) -> str:
    """conventions.md §4 "steps.status", for one span on its own."""
    if not final:
        return "running"
    if (said := found.get(vocabulary.STEP_STATUS)) in vocabulary.STEP_STATUSES:
        return str(said)
    if found.get("gen_ai.response.status") == "cancelled" or found.get("error.type", "").endswith(("CancelledError", "cancelled")):
        return "cancelled"
    return "error" if code == "Error" or "error.type" in found else "complete"


def add_request(
    rows: SpanRows, request: ExportTraceServiceRequest, around: Envelope, resource_origin: Any, retention: Retention
) -> list[LedgerRow]:
    """All spans of one request; returns its line for the ledger, one per project in it."""
    counts: dict[str, int] = {}
    for resource_spans in request.resource_spans:
        here: Origin = resource_origin(resource_spans.resource, around)
        days, check_days = retention(here.project, "spans"), retention(here.project, "permissions")
        for scope_spans in resource_spans.scope_spans:
            rows.open(around, here, (scope_spans.scope.name, scope_spans.scope.version), days, check_days)
            for span in scope_spans.spans:
                rows.add(span)
            counts[here.project] = counts.get(here.project, 0) + len(scope_spans.spans)
    return ledger_rows(around, counts)


def ledger_rows(around: Envelope, counts: Mapping[str, int]) -> list[LedgerRow]:
    """A position has one row: its first project stands for it, as a request almost always has one."""
    project = next(iter(counts), around.project)
    total = sum(counts.values())
    place = around.topic, around.partition, around.offset, around.received, around.source
    return [LedgerRow(*place, project, total + around.refused, total, around.refused, around.size)]
