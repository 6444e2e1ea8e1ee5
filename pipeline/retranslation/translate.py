"""Stored records through the mapping again, and what comes of it into the tables: rows under the same keys in newer versions.

Spans and log records are never taken away: they are the originals. What was only derived from them and is not any more (messages,
checks, calls that log events told) is deleted, and what is derived now is written. Everything is found by comparing tables with mapping,
so it may be stopped anywhere and done again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from pipeline.batch import Mapped, ThreadKey, TraceKey
from pipeline.context import Envelope, Retention, origin_of
from pipeline.dialects import STANDARD, dialect_of, of_scope
from pipeline.logs import LogRows, Scope
from pipeline.retention import ByMcp, by_mcp
from pipeline.retranslation import originals
from pipeline.retranslation.changes import changed_logs, changed_spans, check_changes, message_changes, plain
from pipeline.retranslation.stored import Row, SpanKey, Stored, StoredBodies, pairs
from pipeline.spans import SpanRows
from schemas.store import Store
from schemas.topics import LOGS, SPANS

HOUR: Final = 3600


@dataclass
class Touched:
    """What has to be summarised again: with the oldest receipt (ns). `hours` (seconds since 1970) of calls that are no more."""

    traces: dict[TraceKey, int] = field(default_factory=dict)
    threads: dict[ThreadKey, int] = field(default_factory=dict)
    hours: set[int] = field(default_factory=set)


class Translation:
    """`removing` is called before messages or checks are deleted, `removed` after. Used from one thread."""

    def __init__(self, store: Store, retention: Retention, mcps: ByMcp, removed: Callable[[], None]) -> None:
        self._store, self._retention, self._mcps, self._removed = store, retention, mcps, removed
        self._stored, self._bodies = Stored(store), StoredBodies(store)
        self.removing: Callable[[], None] = lambda: None

    def traces(self, traces: Mapping[TraceKey, int], everything: bool) -> Touched:
        """All spans of these traces, with the oldest receipt (ns) of each. Those in which all speak the standard vocabulary are left alone,
        unless `everything`."""
        touched = Touched(dict(traces))
        chosen = set(traces) if everything else self._spoken(traces)
        if not chosen:
            return touched
        messages = self._stored.rows("messages_of_traces", **pairs(chosen))
        result = _Derived()
        steps: list[tuple[str, str]] = []
        places: set[tuple[int, int, int]] = set()
        for rows in self._stored.chunks("stored_spans", **pairs(chosen)):
            mapped, left = self._map_spans(rows, _finish(messages))
            steps += [(row["project"], row["SpanId"]) for row in rows if row["SpanId"] not in left]
            places |= {_place(row) for row in rows}
            result.add(mapped, left)
            self._insert(mapped, "score_records")
            self._write_spans(mapped, touched, {(row["project"], row["TraceId"], row["SpanId"]): row for row in rows})
        if steps:
            spans = {"projects": sorted({project for project, _ in steps}), "spans": sorted({span for _, span in steps})}
            self._take_away_told(self._stored.rows("covers_of_spans", **spans), result, touched, covers=True)
        # What log records of the trace told is for `requests` to judge.
        self._write_messages([row for row in messages if _place(row) in places], result)
        self._write_checks(self._stored.rows("checks_of_traces", **pairs(chosen)), result, touched)
        return touched

    def requests(self, received: Sequence[int], project: str) -> Touched:
        """All log records of the requests received at these times (ns); `project` '' means all."""
        touched, result = Touched(), _Derived()
        rows = self._stored.rows("stored_logs", received=list(received), only=project)
        places = sorted({(row["log_partition"], row["log_offset"]) for row in rows})
        where = {
            "projects": sorted({row["project"] for row in rows}),
            "partitions": [partition for partition, _ in places],
            "offsets": [offset for _, offset in places],
        }
        messages = self._stored.rows("messages_of_requests", **where, received=list(received))
        mapped = self._map_logs(rows, result, _finish(messages))
        result.add(mapped, set())
        touched.traces |= mapped.traces
        self._write_spans(mapped, touched, {})
        self._take_away_told(self._stored.rows("told_by_requests", **where), result, touched, covers=False)
        self._write_messages(messages, result)
        self._write_checks(self._stored.rows("checks_of_requests", **where), result, touched)
        self._write_logs(mapped, rows, touched)
        return touched

    def _spoken(self, traces: Mapping[TraceKey, int]) -> set[TraceKey]:
        """Traces with a span that speaks, or spoke, anything but the standard vocabulary."""
        return {
            (row["project"], row["TraceId"])
            for rows in self._stored.chunks("stored_spans", **pairs(traces))
            for row in rows
            if row["added"] or row["dialect"] != STANDARD or dialect_of(of_scope(row["ScopeName"]), dict(row["SpanAttributes"])) is not None
        }

    def _map_spans(self, rows: Sequence[Row], finish: Mapping[tuple[str, bytes], str]) -> tuple[Mapped, set[str]]:
        """Also the ids of spans that cannot be mapped again, because a body of theirs has expired: they stay as they are."""
        self._bodies.load((row["project"], said) for row in rows for said in originals.named(row))
        made, left = SpanRows(self._bodies), set()
        for row in rows:
            project = row["project"]
            around = Envelope(SPANS, row["log_partition"], row["log_offset"], row["received"], "", project, 0)
            try:
                span = originals.span(row, partial(self._bodies.body, project), finish)
            except KeyError:
                left.add(row["SpanId"])
                continue
            here = origin_of(dict(row["ResourceAttributes"]), around)
            days, check_days = self._retention(project, "spans"), self._retention(project, "permissions")
            made.open(around, here, (row["ScopeName"], row["ScopeVersion"]), days, check_days)
            made.add(span, final=bool(row["final"]))
        return by_mcp(made.mapped(()), self._mcps), left

    def _map_logs(self, rows: Sequence[Row], result: "_Derived", finish: Mapping[tuple[str, bytes], str]) -> Mapped:
        self._bodies.load((row["project"], said) for row in rows for said in originals.named(row))
        made = LogRows(self._bodies, self._retention)
        for row in rows:
            project = row["project"]
            around = Envelope(LOGS, row["log_partition"], row["log_offset"], row["received"], "", project, 0)
            try:
                record = originals.log(row, partial(self._bodies.body, project), finish)
            except KeyError:
                result.left.add(row["SpanId"])
                continue
            scope = Scope(origin_of(dict(row["ResourceAttributes"]), around), around, self._retention(project, "logs"), b"")
            said = InstrumentationScope(
                name=row["ScopeName"], version=row["ScopeVersion"], attributes=originals.pairs(dict(row["ScopeAttributes"]))
            )
            made.open(scope, (row["ResourceSchemaUrl"], row["ScopeSchemaUrl"]), said)
            made.add(scope, record, row["record_id"])
        return by_mcp(made.mapped(()), self._mcps)

    def _write_spans(self, mapped: Mapped, touched: Touched, stored: dict[SpanKey, Row]) -> None:
        self._insert(mapped, "message_bodies")
        touched.threads |= mapped.threads
        rows = plain(batch := mapped.tables.get("spans"))
        elsewhere = {(row["project"], row["TraceId"]) for row in rows if (row["project"], row["TraceId"], row["SpanId"]) not in stored}
        for row in rows:
            trace = row["project"], row["TraceId"]
            touched.traces[trace] = min(row["received"], touched.traces.get(trace, row["received"]))
        if batch is not None and (changed := changed_spans(batch, rows, {**self._stored.spans_of(elsewhere), **stored})) is not None:
            self._store.insert("spans", changed)

    def _write_logs(self, mapped: Mapped, rows: Sequence[Row], touched: Touched) -> None:
        """Last of all: until then the records tell under which threads they stood."""
        if (batch := mapped.tables.get("log_records")) is None:
            return
        made = plain(batch)
        now = {row["record_id"]: row["thread_id"] for row in made}
        moved = [
            row
            for row in rows
            if row["version"] % 2 == 0 and row["thread_id"] and now.get(row["record_id"]) not in (None, row["thread_id"])
        ]
        threads = {(row["project"], row["thread_id"]): row["received"] for row in moved}
        for table in mapped.tables.keys() - {"log_records", "spans", "message_rows", "message_bodies", "permission_rows"}:
            self._insert(mapped, table)
        self._stored.take_away_activity(threads, [row["record_id"] for row in moved])
        touched.threads |= threads
        if (changed := changed_logs(batch, made, {row["record_id"]: row for row in rows})) is not None:
            self._store.insert("log_records", changed)

    def _take_away_told(self, stored: Sequence[Row], result: "_Derived", touched: Touched, covers: bool) -> None:
        """Told calls, or covers, that were there and have not been made again."""
        stale = [row for row in stored if (row["project"], row["TraceId"], row["SpanId"]) not in result.told]
        empty = self._stored.take_away_told(stale, covers)
        for row in stale:
            touched.hours.add(row["second"] // HOUR * HOUR)
            if (trace := (row["project"], row["TraceId"])) not in empty:
                touched.traces.setdefault(trace, 0)

    def _write_messages(self, stored: Sequence[Row], result: "_Derived") -> None:
        batch = result.batch("message_rows")
        stale, new = message_changes(stored, plain(batch), result.left)
        self._replace("message_rows", stale, self._stored.take_away_messages, batch, new)

    def _write_checks(self, stored: Sequence[Row], result: "_Derived", touched: Touched) -> None:
        batch = result.batch("permission_rows")
        stale, new = check_changes(stored, plain(batch))
        touched.threads |= {(row["project"], row["thread_id"]): row["timestamp"] for row in stale}
        self._replace("permission_rows", stale, self._stored.take_away_checks, batch, new)

    def _replace(
        self, table: str, stale: Sequence[Row], take_away: Callable[[Sequence[Row]], None], batch: pa.RecordBatch | None, new: Sequence[int]
    ) -> None:
        if stale:
            self.removing()
            take_away(stale)
            self._removed()
        if batch is not None and (rows := range(batch.num_rows) if stale else new):
            self._store.insert(table, batch.take(pa.array(rows, pa.int64())))

    def _insert(self, mapped: Mapped, table: str) -> None:
        if (batch := mapped.tables.get(table)) is not None:
            self._store.insert(table, batch)


def _place(row: Row) -> tuple[int, int, int]:
    return row["received"], row["log_partition"], row["log_offset"]


def _finish(messages: Sequence[Row]) -> dict[tuple[str, bytes], str]:
    """Why answers ended: the one thing of a message that its body does not say."""
    return {(row["step_id"], row["content_hash"]): row["finish_reason"] for row in messages if row["finish_reason"]}


class _Derived:
    """What mapping made beside spans and log records, over several batches."""

    def __init__(self) -> None:
        self.left: set[str] = set()
        self.told: set[SpanKey] = set()
        self._batches: dict[str, list[Any]] = {"message_rows": [], "permission_rows": []}

    def add(self, mapped: Mapped, left: set[str]) -> None:
        self.left |= left
        for table, batches in self._batches.items():
            if (batch := mapped.tables.get(table)) is not None:
                batches.append(batch)
        if (spans := mapped.tables.get("spans")) is not None:
            keys = zip(*(spans.column(name).to_pylist() for name in ("project", "TraceId", "SpanId", "origin")), strict=True)
            self.told |= {key[:3] for key in keys if key[3] == "log"}

    def batch(self, table: str) -> pa.RecordBatch | None:
        batches = self._batches[table]
        return pa.concat_batches(batches) if batches else None
