"""One project's way from OTLP to the views, a step at a time, so that a test can stop, repeat and crash anywhere."""

import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import CollectorRegistry

from pipeline import native
from pipeline.batch import Mapped, ThreadKey, TraceKey
from pipeline.context import Envelope
from pipeline.mappers import mapper
from pipeline.seen import SeenCache
from pipeline.summaries.rollups import Rollups
from pipeline.summaries.rounds import Summaries
from pipeline.summaries.sweep import AT_START, EVERY_MINUTE, unsummarised
from pipeline.write import Writer
from schemas.events import EVERYTHING, Commit, Event
from schemas.metrics import Metrics
from schemas.settings import load_settings
from schemas.store import Store
from schemas.topics import LOGS, METRICS, SPANS
from tests.pipeline.otlp_messages import BASE_HOUR, log_request, metric_request, span_request
from tests.pipeline.two_folds import held

VIEWS: Final[Mapping[str, str]] = {
    "threads": "started_at, thread_id",
    "execution_steps": "thread_id, sequence",
    "llm_messages": "thread_id, sequence",
    "logs": "timestamp, log_id",
    "permission_events": "thread_id, event_id",
    "unchecked_calls": "started_at, step_id",
    "mcps": "mcp_id",
    "usage_hourly": "hour, agent_name, model",
    "tools_hourly": "hour, mcp_id, tool_name, agent_name",
    "permissions_hourly": "hour, agent_name, source, resource, action",
    "steps_hourly": "hour, type, name, service, mcp_id, model, error_type",
    "error_groups": "fingerprint",
    "entities": "entity_id",
    "relationships": "source_id, target_id, type",
    "otel_traces": "TraceId, SpanId",
    "otel_logs": "Timestamp, Body",
    "otel_traces_trace_id_ts": "TraceId",
}
VOLATILE: Final = frozenset({"project", "received_on", "last_received", "computed_at", "received_at", "log_id"})
"""What depends on when the test ran, or on the name of its project."""


class Heard:
    """A CommitListener that remembers."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []

    def publish(self, commit: Commit) -> None:
        self.commits.append(commit)

    def events(self) -> list[Event]:
        """All events since the last call."""
        commits, self.commits = self.commits, []
        return [event for commit in commits for event in commit.events(EVERYTHING)]


class Line:
    """Time of receipt grows by a millisecond with each request and begins at the real now, because sweeps look at that."""

    def __init__(self, store: Store, project: str = "", mapping: str = "python") -> None:
        self.store = store
        self.project = project or f"p-{uuid.uuid4().hex[:12]}"
        self.heard = Heard()
        self.metrics = Metrics(CollectorRegistry())
        built = native.load(self.metrics)
        self.kernel = built if mapping == "native" else None
        self._fold = held(built, mapping)
        self.received = time.time_ns() - 60_000_000_000
        self.offset = 0
        self.restart()
        self.summaries.swept()

    def restart(self) -> None:
        """As after a crash: everything that was only in memory is gone."""
        self.seen = SeenCache()
        self.rollups = Rollups(self.store, self.metrics)
        self.summaries = Summaries(self.store, self.heard, self.metrics, 0.01, self.rollups, fold=self._fold)

    def write(self, topic: str, request: Any, again: bool = False, project: str | None = None, key: str = "") -> list[Mapped]:
        """`again`: the log delivers the last position a second time."""
        if not again:
            self.received += 1_000_000
            self.offset += 1
        named = self.project if project is None else project
        around = Envelope(topic, 0, self.offset, self.received, "test", named, request.ByteSize(), sender_key=key)
        writer = Writer(self.store, mapper(topic, self.seen, load_settings().retention_days, native=self.kernel), self.seen, self.metrics)
        results = writer.write([(around, request.SerializeToString())])
        for mapped in results:
            self.summaries.stored(mapped)
        return results

    def spans(self, *spans: Span, of: Resource | None = None, **how: Any) -> list[Mapped]:
        return self.write(SPANS, span_request(spans, of), **how)

    def logs(self, *records: LogRecord, of: Resource | None = None, **how: Any) -> list[Mapped]:
        return self.write(LOGS, log_request(records, of), **how)

    def points(self, *metrics: Metric, of: Resource | None = None, **how: Any) -> list[Mapped]:
        return self.write(METRICS, metric_request(metrics, of), **how)

    def summarise(self) -> None:
        """All that was touched."""
        stop = threading.Event()
        stop.set()
        self.summaries.run(stop)
        assert not self.summaries.backlog()

    def sweep(self, seconds: int = EVERY_MINUTE) -> tuple[dict[TraceKey, int], dict[ThreadKey, int]]:
        """What of this project a sweep finds."""
        traces, threads = unsummarised(self.store, seconds)
        return (
            {key: received for key, received in traces.items() if key[0] == self.project},
            {key: received for key, received in threads.items() if key[0] == self.project},
        )

    def heal(self) -> None:
        """What every start does."""
        self.summaries.touch(*self.sweep(AT_START))
        self.summaries.swept()
        self.summarise()

    def befall(self, what: str) -> None:
        """A summary in between, a restart, or a restart whose first sweep heals; any other word is nothing."""
        if what in ("restart", "heal"):
            self.restart()
        if what == "heal":
            self.heal()
        if what == "summary":
            self.summarise()

    def count(self, hour: int = BASE_HOUR) -> None:
        self.rollups.count(hour)

    def count_rows(self, view: str, where: str = "1") -> int:
        sql = f"SELECT count() AS n FROM {view} WHERE project = {{p:String}} AND {where}"
        return int(self.store.query(sql, {"p": self.project})[0]["n"])

    def rows(self, view: str, columns: str = "*", where: str = "1") -> list[dict[str, Any]]:
        """The project's rows in a fixed order, without what depends on when the test ran."""
        sql = f"SELECT {columns} FROM {view} WHERE project = {{p:String}} AND {where} ORDER BY {VIEWS.get(view, 'ALL')}"
        found = self.store.query(sql, {"p": self.project})
        return [{name: said for name, said in row.items() if name not in VOLATILE} for row in found]

    def values(self, view: str, columns: str, where: str = "1") -> list[Any]:
        """The same as tuples; as plain values when it is one column."""
        rows = [tuple(row.values()) for row in self.rows(view, columns, where)]
        return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows

    def snapshot(self, views: Iterable[str] = VIEWS) -> dict[str, list[dict[str, Any]]]:
        return {view: self.rows(view) for view in views}


def by(rows: Sequence[Mapping[str, Any]], name: str) -> dict[Any, Mapping[str, Any]]:
    """Rows by one of their columns, which must be unique."""
    result = {row[name]: row for row in rows}
    assert len(result) == len(rows)
    return result


class CrashError(BaseException):
    """The process dies here: nobody may catch it."""


class CrashingStore:
    """A Store in front of the real one. While `left` is a number, that many inserts go through, then the process dies at the next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.left: int | None = None
        self.query, self.arrow, self.raw, self.command = store.query, store.arrow, store.raw, store.command

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        if self.left is not None:
            if self.left == 0:
                raise CrashError(table)
            self.left -= 1
        self._store.insert(table, batch)

    def close(self) -> None:
        """The real one stays open."""
