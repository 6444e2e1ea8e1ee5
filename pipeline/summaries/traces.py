"""One round over touched traces: read their spans, fold, write steps, segments and traces. Returns the threads to fold next."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import ThreadKey, TraceKey
from pipeline.summaries import rows
from pipeline.summaries.edges import see_edges
from pipeline.summaries.folding import fold_spans
from pipeline.summaries.folds import Fold, Folds, TraceFold, step_marks
from pipeline.summaries.fresh import fresh_spans
from pipeline.summaries.known import KnownTrace, KnownTraces
from pipeline.summaries.moves import move_messages, move_permissions, move_told, place_logs, place_scores
from pipeline.summaries.retold import retell
from pipeline.summaries.rollups import HOUR
from pipeline.summaries.segment import Segment
from pipeline.summaries.statements import statement
from schemas.store import Store

MOST_WAITING: Final = 100_000


@dataclass(frozen=True, slots=True)
class TraceRound:
    """What came out: threads whose segments changed, the steps that changed as rows of `steps`, spans read per trace."""

    threads: frozenset[ThreadKey]
    steps: pa.RecordBatch | None
    sizes: Mapping[TraceKey, int]
    hours: frozenset[int]
    """Hours (seconds since 1970) in which changed steps began."""
    segments: Mapping[ThreadKey, Mapping[str, Segment | None]]
    """Threads that differ in nothing but these segments; None for one that is no more."""
    scores: pa.Table | None = None
    """Rows of `score_records` that found their thread."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a round is about. `traces`: with the oldest receipt (ns) among their new rows. `fresh`: batches of `spans` that hold all
    new rows of traces never seen before. `unplaced`: traces with logs or checks that name no thread of their own."""

    traces: Mapping[TraceKey, int]
    fresh: Sequence[pa.RecordBatch] = ()
    unplaced: frozenset[TraceKey] = frozenset()


class TraceSummaries:
    """Used from one thread."""

    def __init__(self, store: Store, known: KnownTraces, fold: Fold = fold_spans) -> None:
        self._store, self._known, self._fold = store, known, fold
        self._waiting: OrderedDict[TraceKey, int] = OrderedDict()
        """Traces with logs or checks to place of which no span has come, with the oldest receipt (ns)."""

    def update(self, touched: Touched, version: int) -> TraceRound:
        """Summarise these traces. `version` must grow from round to round."""
        known = self._look_up(touched.traces)
        spans = self._spans(touched, known)
        folds = self._fold(spans, touched.traces)
        see_edges(spans, folds)
        steps = self._write(spans, folds, known, version)
        moved, scores = self._move(folds, known, touched)
        self._wait_for_spans({fold.key for fold in folds.traces}, known, touched)
        self._remember(folds.traces, known, version)
        threads = {(fold.project, thread) for fold in folds.traces for thread in fold.segments}
        threads |= {(fold.project, thread) for fold in folds.traces for thread in known[fold.key].threads}
        sizes = {fold.key: fold.spans for fold in folds.traces}
        return TraceRound(frozenset(threads), steps, sizes, _hours(steps), _segments(folds.traces, known, moved), scores)

    def _spans(self, touched: Touched, known: Mapping[TraceKey, KnownTrace]) -> pa.Table:
        """Of new traces the batches at hand, of all others what the store has."""
        old = [key for key in touched.traces if not (touched.fresh and known[key].is_new)]
        tables = []
        if touched.fresh and len(old) < len(touched.traces):
            table = fresh_spans(touched.fresh)
            if old:
                keys = zip(table.column("project").to_pylist(), table.column("trace_id").to_pylist(), strict=True)
                left = set(old)
                table = table.filter(pa.array([key not in left for key in keys]))
            tables.append(table)
        if old:
            tables.append(self._read(old, min(known[key].first_received for key in old)))
        if len(tables) == 2:
            tables[0] = tables[0].select(tables[1].column_names).cast(tables[1].schema)
        return pa.concat_tables(tables).combine_chunks()

    def _look_up(self, touched: Mapping[TraceKey, int]) -> dict[TraceKey, KnownTrace]:
        """What is known of each: from memory, else from the store, else it is new."""
        result = {key: trace for key in touched if (trace := self._known.get(key)) is not None}
        missing = [key for key in touched if key not in result]
        if missing:
            parameters = {"projects": [key[0] for key in missing], "traces": [key[1] for key in missing]}
            for row in self._store.query(statement("known_traces"), parameters):
                threads = tuple(row["thread_ids"])
                result[row["project"], row["trace_id"]] = KnownTrace(row["first_received"], threads, row["thread_id"], None)
        for key, received in touched.items():
            trace = result.setdefault(key, KnownTrace(received, marks=b"", is_new=True))
            trace.first_received = min(trace.first_received, received, self._waiting.get(key, received))
        return result

    def _read(self, keys: Sequence[TraceKey], since: int) -> pa.Table:
        parameters = {"projects": [key[0] for key in keys], "traces": [key[1] for key in keys], "since": since}
        return self._store.arrow(statement("trace_spans"), parameters)

    def _write(self, spans: pa.Table, folds: Folds, known: Mapping[TraceKey, KnownTrace], version: int) -> pa.RecordBatch | None:
        """Steps, then segments; what is written twice replaces itself. Returns the steps."""
        if not folds.traces:
            return None
        changed = [place for fold in folds.traces for place in fold.changed(known[fold.key].marks)]
        steps = rows.step_batch(spans, folds, pa.array(changed, pa.int64()), version) if changed else None
        if steps is not None:
            self._store.insert("steps", steps)
        self._delete(spans, folds, known, version)
        gone = [
            (fold.project, thread, fold.trace_id)
            for fold in folds.traces
            for thread in known[fold.key].threads
            if thread not in fold.segments
        ]
        self._store.insert("trace_summaries", rows.segment_batch(folds.traces, gone, version))
        return steps

    def _remember(self, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace], version: int) -> None:
        """Last of all, because a trace that is known counts as summarised."""
        if not folds:
            return
        first = [known[fold.key].first_received for fold in folds]
        self._store.insert("traces", rows.trace_batch(folds, first, version))
        for fold, received in zip(folds, first, strict=True):
            self._known.remember(fold, received)

    def _delete(self, spans: pa.Table, folds: Folds, known: Mapping[TraceKey, KnownTrace], version: int) -> None:
        """Take away stored steps that are none any more. Which these are the store knows."""
        lost = {fold.key: fold for fold in folds.traces if known[fold.key].threads and fold.has_lost(known[fold.key].marks)}
        if not lost:
            return
        projects, traces, threads = zip(*((*key, thread) for key in lost for thread in known[key].threads), strict=True)
        parameters = {"projects": list(projects), "threads": list(threads), "traces": list(traces)}
        stored: dict[TraceKey, set[tuple[str, str]]] = {}
        for row in self._store.query(statement("trace_steps"), parameters):
            stored.setdefault((row["project"], row["trace_id"]), set()).add((row["thread_id"], row["step_id"]))
        gone: list[rows.StoredStep] = []
        for key, steps in stored.items():
            segment = next(iter(lost[key].segments.values()))
            here = (segment.received, segment.retention_days)
            gone.extend((key[0], thread, key[1], step, *here) for thread, step in sorted(steps - _ids(spans, folds, lost[key])))
        if gone:
            self._store.insert("steps", rows.deleted_steps(gone, version))

    def _move(self, folds: Folds, known: Mapping[TraceKey, KnownTrace], touched: Touched) -> tuple[Sequence[TraceFold], pa.Table | None]:
        """What stood under another thread, or under none, comes under the one the trace has now; returns the folds that had such, and scores."""
        before = {key: trace.threads for key, trace in known.items()}
        move_messages(self._store, folds.traces, before)
        retell(self._store, folds, known)
        moved = [fold for fold in folds.traces if self._has_to_move(fold, known[fold.key], touched)]
        scores = None
        if moved:
            target = {fold.key: folds.placed(fold) for fold in moved}
            move_permissions(self._store, target, before)
            move_told(self._store, target, before)
            scores = place_scores(self._store, target)
            place_logs(self._store, target, min(known[fold.key].first_received for fold in moved))
        return moved, scores

    def _has_to_move(self, fold: TraceFold, before: KnownTrace, touched: Touched) -> bool:
        """Whether rows may stand elsewhere than this fold says; of what only the store remembers nobody knows."""
        if fold.key in touched.unplaced or fold.key in self._waiting or before.marks is None:
            return True
        if before.is_new:
            return False
        if before.main_thread != fold.main_thread or set(before.threads) != set(fold.segments):
            return True
        return len(fold.segments) > 1 and step_marks(before.marks) != step_marks(fold.marks)

    def _wait_for_spans(self, found: Collection[TraceKey], known: Mapping[TraceKey, KnownTrace], touched: Touched) -> None:
        for key in touched.traces:
            if key in found:
                self._waiting.pop(key, None)
            elif key in touched.unplaced:
                self._waiting[key] = known[key].first_received
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)


def _segments(
    folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace], moved: Sequence[TraceFold]
) -> dict[ThreadKey, dict[str, Segment | None]]:
    """By thread what its traces contribute now; without threads that got or lost checks, whose rows must be read anew."""
    result: dict[ThreadKey, dict[str, Segment | None]] = {}
    for fold in folds:
        for thread in known[fold.key].threads:
            result.setdefault((fold.project, thread), {})[fold.trace_id] = None
        for thread, segment in fold.segments.items():
            result.setdefault((fold.project, thread), {})[fold.trace_id] = segment
    for fold in moved:
        for thread in (*known[fold.key].threads, *fold.segments):
            result.pop((fold.project, thread), None)
    return result


def _ids(spans: pa.Table, folds: Folds, fold: TraceFold) -> set[tuple[str, str]]:
    """(thread id, step id) of the trace's steps."""
    threads, rows_ = (column.slice(fold.first, fold.steps) for column in (folds.own.column("thread_id"), folds.rows))
    return set(zip(threads.to_pylist(), spans.column("span_id").take(rows_).to_pylist(), strict=True))


def _hours(steps: pa.RecordBatch | None) -> frozenset[int]:
    """Hours (seconds since 1970) in which these began."""
    if steps is None:
        return frozenset()
    seconds = pc.divide(steps.column("started_at").cast(pa.int64()), 10**9 * HOUR)
    return frozenset(hour * HOUR for hour in pc.unique(seconds).to_pylist())
