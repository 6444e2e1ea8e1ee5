"""Logs: OTLP requests to columns of `log_records`, and what some of them mean: steps and sessions that begin, waits, scores, permission checks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline import vocabulary
from pipeline.activity import ActivityRows
from pipeline.batch import LedgerRow, Mapped, ThreadKey, TraceKey
from pipeline.columns import MapColumn, SharedColumns, times
from pipeline.context import Envelope, Origin, Retention, Seen
from pipeline.dialects import STANDARD
from pipeline.dialects.log_events import Heard, duration_ns, translate_log
from pipeline.dialects.older_events import BEGINNING, DETAILS, read_log_event
from pipeline.dialects.same_call import SPAN_ID_BYTES, place
from pipeline.messages import digest
from pipeline.permissions import Place
from pipeline.spans import SpanRows, ledger_rows
from pipeline.tell import log_events
from pipeline.values import attributes, text
from schemas import scores

LEVELS: Final = ("DEBUG",) * 9 + ("INFO",) * 4 + ("WARN",) * 4 + ("ERROR",) * 8
"""By severity number; 0 is not one."""
LEVEL_WORDS: Final[Mapping[str, str]] = {
    "trace": "DEBUG", "debug": "DEBUG", "verbose": "DEBUG", "info": "INFO", "information": "INFO", "notice": "INFO",
    "warn": "WARN", "warning": "WARN", "error": "ERROR", "err": "ERROR", "critical": "ERROR", "fatal": "ERROR", "alert": "ERROR", "emergency": "ERROR",
}  # fmt: skip

_SHARED: Final = {
    "project": pa.string(), "ServiceName": pa.string(), "ResourceSchemaUrl": pa.string(), "ScopeSchemaUrl": pa.string(), "ScopeName": pa.string(),
    "ScopeVersion": pa.string(), "received": pa.timestamp("ns", "UTC"), "log_partition": pa.uint16(), "log_offset": pa.uint64(), "retention_days": pa.uint16(),
}  # fmt: skip
_DENSE: Final = (
    ("record_id", pa.binary(16)), ("TraceId", pa.string()), ("SpanId", pa.string()), ("TraceFlags", pa.uint8()), ("SeverityText", pa.string()),
    ("SeverityNumber", pa.uint8()), ("level", pa.string()), ("Body", pa.string()), ("EventName", pa.string()), ("thread_id", pa.string()),
    ("mcp_id", pa.string()), ("exception", pa.string()), ("dialect", pa.string()), ("added", pa.string()), ("version", pa.uint64()),
)  # fmt: skip


class Scope(NamedTuple):
    """What the records of one scope share. `digest` is of the resource and scope as sent."""

    here: Origin
    around: Envelope
    days: int
    digest: bytes


class LogRows:
    """Rows of `log_records` and of all that they give rise to, under construction."""

    def __init__(self, seen: Seen, retention: Retention) -> None:
        self._retention = retention
        self._dense: list[tuple[Any, ...]] = []
        self._times: list[tuple[int, int]] = []
        self._shared = SharedColumns(_SHARED, ("ResourceAttributes", "ScopeAttributes"))
        self._attributes = MapColumn()
        self._activity, self._spans = ActivityRows(), SpanRows(seen)
        self._traces: dict[TraceKey, int] = {}
        self._threads: dict[ThreadKey, int] = {}
        self._unplaced: set[TraceKey] = set()
        self._same: Counter[bytes] = Counter()
        self._scope_name = ""
        self._spans_scope: Scope | None = None

    def __len__(self) -> int:
        return len(self._dense)

    def open(self, scope: Scope, urls: tuple[str, str], said: InstrumentationScope) -> None:
        around, here = scope.around, scope.here
        self._scope_name = said.name
        self._shared.open(
            {
                "project": here.project, "ServiceName": here.service, "ResourceSchemaUrl": urls[0], "ScopeSchemaUrl": urls[1], "ScopeName": said.name,
                "ScopeVersion": said.version, "received": around.received, "log_partition": around.partition, "log_offset": around.offset,
                "retention_days": scope.days,
            },
            {"ResourceAttributes": here.attributes, "ScopeAttributes": attributes(said.attributes)},
        )  # fmt: skip

    def add(self, scope: Scope, record: LogRecord, known_as: bytes = b"") -> None:
        """`known_as`: the id under which the record is stored already; only the bytes that were sent could tell it again."""
        found, body = attributes(record.attributes), text(record.body)
        own = len(found)
        heard = translate_log(self._scope_name, record.event_name or found.get("event.name", ""), found, body)
        trace_id, span_id = record.trace_id.hex(), record.span_id.hex()
        at = record.time_unix_nano or record.observed_time_unix_nano or scope.around.received
        event = record.event_name or found.get("event.name", "")
        if event.startswith(BEGINNING):
            read_log_event(event, found, body)
        added = ",".join(islice(found, own, None)) if len(found) > own else ""
        thread, _ = vocabulary.thread_key(found)
        record_id = known_as or self._record_id(scope, record)
        if heard.step:
            self._call(scope, found, heard, (at, thread or trace_id, record_id))
        if event == DETAILS:
            self._details(scope, record, dict(found), at)
        if not vocabulary.SPOKEN.isdisjoint(found) and (thread or trace_id):
            self._messages(scope, record, found, (at, thread))
        severity = record.severity_number if 0 <= record.severity_number <= 24 else 0
        self._dense.append(
            (
                record_id, trace_id, span_id, record.flags & 0xFF, record.severity_text, severity, level(severity, record.severity_text),
                body, event, thread, found.get("mission_control.mcp.id", ""), exception(found), heard.dialect or STANDARD, added,
                scope.around.received * 2,
            )
        )  # fmt: skip
        self._times.append((at, record.observed_time_unix_nano or at))
        self._shared.count(1)
        self._attributes.append(found)
        self._touch(scope, thread, trace_id)
        if thread:
            self._activity.add(scope, thread, event, at, found)
        if meaning := _MEANINGS.get(event):
            meaning(self, scope, record, found)
        elif heard.dialect and "permission.result" in found:
            self.permission(scope, record, found)

    def _record_id(self, scope: Scope, record: LogRecord) -> bytes:
        """The same record resent has the same id; two equal ones in one request stay two."""
        key = digest(scope.digest + record.SerializeToString())
        self._same[key] += 1
        return key if self._same[key] == 1 else digest(key + self._same[key].to_bytes(4, "big"))

    def forget_equals(self) -> None:
        """Called between requests: equal records of two requests are one record resent."""
        self._same.clear()

    def _touch(self, scope: Scope, thread: str, trace_id: str) -> None:
        project, received = scope.here.project, scope.around.received
        if thread:
            self._threads[project, thread] = min(self._threads.get((project, thread), received), received)
        if trace_id and thread in ("", trace_id):
            self._unplaced.add((project, trace_id))
        if trace_id:
            self._traces[project, trace_id] = min(self._traces.get((project, trace_id), received), received)

    def permission(self, scope: Scope, record: LogRecord, found: Mapping[str, str]) -> None:
        around = scope.around
        trace_id, at = record.trace_id.hex(), record.time_unix_nano or record.observed_time_unix_nano or around.received
        thread = vocabulary.thread_key(found)[0] or trace_id
        days = self._retention(scope.here.project, "permissions")
        place = Place(
            scope.here.project,
            thread,
            trace_id,
            record.span_id.hex(),
            at,
            around.received,
            around.topic,
            around.partition,
            around.offset,
            days,
            sender_key=around.sender_key,
        )
        self._spans.permissions.add(place, found)
        self._touch(scope, thread, trace_id)

    def score(self, scope: Scope, record: LogRecord, found: Mapping[str, str]) -> None:
        """A judgement. One that names only a trace finds its thread when the trace is known."""
        around = scope.around
        at = record.time_unix_nano or record.observed_time_unix_nano or around.received
        place = Place(
            scope.here.project, vocabulary.thread_key(found)[0], record.trace_id.hex(), record.span_id.hex(), at, around.received,
            around.topic, around.partition, around.offset, self._retention(scope.here.project, "spans"),
        )  # fmt: skip
        self._spans.scores.add(place, found, scope.here.service)

    def wait(self, scope: Scope, record: LogRecord, found: Mapping[str, str]) -> None:
        """The thread says that it waits, or no longer does."""
        trace_id, at = record.trace_id.hex(), record.time_unix_nano or record.observed_time_unix_nano or scope.around.received
        resumed = (record.event_name or found.get("event.name", "")) == vocabulary.RESUMED
        what = found.get(vocabulary.WAITING_FOR, "") or ("" if resumed else text(record.body) or "an answer")
        if thread := vocabulary.thread_key(found)[0] or trace_id:
            self._activity.wait(scope, thread, at, what, resumed)
            self._touch(scope, thread, "")

    def _call(self, scope: Scope, found: Mapping[str, str], heard: Heard, where: tuple[int, str, bytes]) -> None:
        """A call that this record tells, at its end: a row of its own, until the span of the same call covers it."""
        at, thread, record_id = where
        if (told := place(found, heard.step, thread)) is None:
            return
        model = found.get("gen_ai.request.model", "")
        span = Span(
            trace_id=told.trace_id, span_id=told.span_id or record_id[:SPAN_ID_BYTES], kind=Span.SPAN_KIND_CLIENT,
            name=f"chat {model}".strip() if heard.step == "llm_call" else f"execute_tool {found.get('gen_ai.tool.name', '')}".strip(),
            start_time_unix_nano=max(0, at - duration_ns(found)), end_time_unix_nano=at,
        )  # fmt: skip
        said = {name: value for name, value in found.items() if name not in vocabulary.SPOKEN}
        if not vocabulary.thread_key(found)[0]:
            said["mission_control.thread.id"] = thread
        self._open_spans(scope)
        self._spans.add_told(span, said, heard.step, heard.dialect)

    def _details(self, scope: Scope, record: LogRecord, said: dict[str, str], at: int) -> None:
        """A model call whose span has not come, or never does: the record names it."""
        if record.trace_id and record.span_id:
            name = f"{said.get('gen_ai.operation.name', 'chat')} {said.get('gen_ai.request.model', '')}".strip()
            call = Span(trace_id=record.trace_id, span_id=record.span_id, name=name, start_time_unix_nano=at, end_time_unix_nano=at)
            self._open_spans(scope)
            self._spans.add_told(call, said, vocabulary.step_type(said), STANDARD)

    def _messages(self, scope: Scope, record: LogRecord, found: dict[str, str], where: tuple[int, str]) -> None:
        """What a record tells of a conversation; the attributes that said it become references."""
        at, thread = where
        call = Span(trace_id=record.trace_id, span_id=record.span_id, start_time_unix_nano=at, end_time_unix_nano=at)
        self._open_spans(scope)
        self._spans.add_messages(call, found, thread)

    def _open_spans(self, scope: Scope) -> None:
        if self._spans_scope is scope:
            return
        self._spans_scope = scope
        self._spans.open(scope.around, scope.here, ("", ""), self._retention(scope.here.project, "spans"))

    def step_start(self, scope: Scope, record: LogRecord, found: Mapping[str, str]) -> None:
        """A step that began: a span without an end, replaced by the real one when that comes."""
        if not record.trace_id or not record.span_id:
            return
        parent = found.get("mission_control.step.parent_span_id", "")
        span = Span(
            trace_id=record.trace_id,
            span_id=record.span_id,
            parent_span_id=bytes.fromhex(parent) if _is_hex(parent) else b"",
            name=found.get("mission_control.step.name", ""),
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=record.time_unix_nano or record.observed_time_unix_nano,
            attributes=[item for item in record.attributes if not item.key.startswith(("mission_control.step.", "event."))],
        )
        self._open_spans(scope)
        self._spans.add(span, origin_name="log", final=False)

    def mapped(self, ledger: Sequence[LedgerRow]) -> Mapped:
        spans = self._spans.mapped(())
        tables = dict(spans.tables)
        if len(self._activity):
            tables["thread_activity"] = self._activity.batch()
        if self._dense:
            tables["log_records"] = self._batch()
        traces = {**self._traces, **spans.traces}
        return Mapped(
            tables,
            ledger,
            traces=traces,
            threads=self._threads,
            unplaced={*self._unplaced, *spans.unplaced},
            seen=spans.seen,
            events=lambda interest: [*spans.events(interest), *log_events(tables, interest)],
        )

    def _batch(self) -> pa.RecordBatch:
        dense = zip(_DENSE, zip(*self._dense, strict=True), strict=True)
        columns = {name: pa.array(values, kind) for (name, kind), values in dense} | self._shared.arrays()
        at, observed = zip(*self._times, strict=True)
        columns |= {"Timestamp": times(at), "ObservedTimestamp": times(observed), "LogAttributes": self._attributes.array()}
        return pa.record_batch(list(columns.values()), names=list(columns))


_MEANINGS: Final[Mapping[str, Callable[[LogRows, Scope, LogRecord, Mapping[str, str]], None]]] = {
    vocabulary.PERMISSION_CHECK: LogRows.permission,
    f"mission_control.{vocabulary.PERMISSION_CHECK}": LogRows.permission,
    vocabulary.STEP_START: LogRows.step_start,
    scores.EVENT: LogRows.score,
    vocabulary.WAITING: LogRows.wait,
    vocabulary.RESUMED: LogRows.wait,
}


def level(severity: int, word: str) -> str:
    """DEBUG, INFO, WARN or ERROR by number, else by word, else INFO."""
    return LEVELS[severity] if severity else LEVEL_WORDS.get(word.strip().lower(), "INFO")


def exception(found: Mapping[str, str]) -> str:
    head = ": ".join(part for part in (found.get("exception.type", ""), found.get("exception.message", "")) if part)
    return "\n".join(part for part in (head, found.get("exception.stacktrace", "")) if part)


def _is_hex(value: str) -> bool:
    return len(value) == 16 and all(letter in "0123456789abcdefABCDEF" for letter in value)


def add_request(
    rows: LogRows, request: ExportLogsServiceRequest, around: Envelope, resource_origin: Any, retention: Retention
) -> list[LedgerRow]:
    """All log records of one request; returns its line for the ledger."""
    counts: dict[str, int] = {}
    rows.forget_equals()
    for resource_logs in request.resource_logs:
        here: Origin = resource_origin(resource_logs.resource, around)
        speaker = resource_logs.resource.SerializeToString() + here.project.encode()
        for scope_logs in resource_logs.scope_logs:
            said = scope_logs.scope
            scope = Scope(here, around, retention(here.project, "logs"), digest(speaker + said.SerializeToString()))
            rows.open(scope, (resource_logs.schema_url, scope_logs.schema_url), said)
            for record in scope_logs.log_records:
                rows.add(scope, record)
            counts[here.project] = counts.get(here.project, 0) + len(scope_logs.log_records)
    return ledger_rows(around, counts)
