"""One round over touched traces: read their spans, fold, write steps, segments and traces. Returns the threads to fold next."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from pipeline.batch import ThreadKey, TraceKey
from pipeline.summaries import rows
from pipeline.summaries.facts import Columns, columns
from pipeline.summaries.fold import Step, TraceFold, fold_trace
from pipeline.summaries.fresh import fresh_spans
from pipeline.summaries.known import KnownTrace, KnownTraces, Marks
from pipeline.summaries.moves import move_messages, move_permissions, move_told, place_logs, place_scores
from pipeline.summaries.rollups import HOUR
from pipeline.summaries.roots import add_attributes
from pipeline.summaries.segment import Segment
from pipeline.summaries.statements import statement
from schemas.store import Store

MOST_WAITING: Final = 100_000


@dataclass(frozen=True, slots=True)
class TraceRound:
    """What came out: threads whose segments changed, steps as (spans, changed steps) for the hub, spans read per trace."""

    threads: frozenset[ThreadKey]
    spans: pa.Table | None
    changed: Sequence[tuple[TraceFold, Sequence[Step]]]
    sizes: Mapping[TraceKey, int]
    hours: frozenset[int]
    """Hours (seconds since 1970) in which changed steps began."""
    segments: Mapping[ThreadKey, Mapping[str, Segment | None]]
    """Threads that differ in nothing but these segments; None for one that is no more."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a round is about. `traces`: with the oldest receipt (ns) among their new rows. `fresh`: batches of `spans` that hold all
    new rows of traces never seen before. `unplaced`: traces with logs or checks that name no thread of their own."""

    traces: Mapping[TraceKey, int]
    fresh: Sequence[pa.RecordBatch] = ()
    unplaced: frozenset[TraceKey] = frozenset()


class TraceSummaries:
    """Used from one thread."""

    def __init__(self, store: Store, known: KnownTraces) -> None:
        self._store, self._known = store, known
        self._waiting: OrderedDict[TraceKey, int] = OrderedDict()
        """Traces with logs or checks to place of which no span has come, with the oldest receipt (ns)."""

    def update(self, touched: Touched, version: int) -> TraceRound:
        """Summarise these traces. `version` must grow from round to round."""
        known = self._look_up(touched.traces)
        spans = self._spans(touched, known)
        facts = columns(spans)
        groups = _groups(facts, touched.traces)
        folds = [fold_trace(facts, group) for group in groups.values()]
        add_attributes(spans, folds)
        changed = self._write(spans, facts, folds, known, version)
        moved = self._move(facts, folds, known, touched)
        self._wait_for_spans(groups, known, touched)
        self._remember(facts, folds, known, version)
        threads = {(fold.project, thread) for fold in folds for thread in fold.segments}
        threads |= {(key[0], thread) for key in groups for thread in known[key].threads}
        hours = {facts["started"][step.row] // 10**9 // HOUR * HOUR for _, steps in changed for step in steps}
        sizes = {key: len(group) for key, group in groups.items()}
        return TraceRound(frozenset(threads), spans, changed, sizes, frozenset(hours), _segments(folds, known, moved))

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
            trace = result.setdefault(key, KnownTrace(received, steps={}, is_new=True))
            trace.first_received = min(trace.first_received, received, self._waiting.get(key, received))
        return result

    def _read(self, keys: Sequence[TraceKey], since: int) -> pa.Table:
        parameters = {"projects": [key[0] for key in keys], "traces": [key[1] for key in keys], "since": since}
        return self._store.arrow(statement("trace_spans"), parameters)

    def _write(
        self, spans: pa.Table, facts: Columns, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace], version: int
    ) -> Sequence[tuple[TraceFold, Sequence[Step]]]:
        """Steps, then segments; what is written twice replaces itself."""
        if not folds:
            return []
        before = self._marks(folds, known)
        changed = []
        for fold in folds:
            old = before[fold.project, fold.trace_id]
            changed.append(
                (fold, fold.steps if not old else [step for step in fold.steps if old.get(_mark(facts, step)) != fingerprint(facts, step)])
            )
        if steps := [step for _, own in changed for step in own]:
            self._store.insert("steps", rows.step_batch(spans, steps, version))
        self._delete(facts, folds, before, version)
        gone = [
            (key[0], thread, key[1])
            for key, trace in known.items()
            for thread in trace.threads
            if not self._contributes(folds, key, thread)
        ]
        self._store.insert("trace_summaries", rows.segment_batch(folds, gone, version))
        return changed

    def _remember(self, facts: Columns, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace], version: int) -> None:
        """Last of all, because a trace that is known counts as summarised."""
        if not folds:
            return
        first = [known[fold.project, fold.trace_id].first_received for fold in folds]
        self._store.insert("traces", rows.trace_batch(folds, first, version))
        for fold, received in zip(folds, first, strict=True):
            self._known.remember(
                (fold.project, fold.trace_id), fold, received, {_mark(facts, step): fingerprint(facts, step) for step in fold.steps}
            )

    def _contributes(self, folds: Sequence[TraceFold], key: TraceKey, thread: str) -> bool:
        """Whether the trace still has steps in the thread; a trace with no spans at all keeps what it had."""
        return all((fold.project, fold.trace_id) != key or thread in fold.segments for fold in folds)

    def _marks(self, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace]) -> dict[TraceKey, Marks]:
        """The steps stored for each trace; those that only the store knows are asked for at once.

        Their fingerprints are unknown, so all of them are written again.
        """
        traces = {(fold.project, fold.trace_id): known[fold.project, fold.trace_id] for fold in folds}
        result: dict[TraceKey, Marks] = {key: {} if trace.steps is None else trace.steps for key, trace in traces.items()}
        asked = [(*key, thread) for key, trace in traces.items() if trace.steps is None for thread in trace.threads]
        if asked:
            projects, ids, threads = (list(column) for column in zip(*asked, strict=True))
            for row in self._store.query(statement("trace_steps"), {"projects": projects, "threads": threads, "traces": ids}):
                result[row["project"], row["trace_id"]][row["thread_id"], row["step_id"]] = 0
        return result

    def _delete(self, facts: Columns, folds: Sequence[TraceFold], before: Mapping[TraceKey, Marks], version: int) -> None:
        gone: list[rows.StoredStep] = []
        for fold in folds:
            if old := before[fold.project, fold.trace_id]:
                segment = next(iter(fold.segments.values()))
                for thread, step in old.keys() - {_mark(facts, step) for step in fold.steps}:
                    gone.append((fold.project, thread, fold.trace_id, step, segment.received, segment.retention_days))
        if gone:
            self._store.insert("steps", rows.deleted_steps(gone, version))

    def _move(
        self, facts: Columns, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace], touched: Touched
    ) -> Sequence[TraceFold]:
        """What stood under another thread, or under none, comes under the one the trace has now; returns the folds that had such."""
        before = {key: trace.threads for key, trace in known.items()}
        move_messages(self._store, facts, folds, before)
        moved = [fold for fold in folds if self._has_to_move(facts, fold, known[fold.project, fold.trace_id], touched)]
        if moved:
            move_permissions(self._store, moved, before)
            move_told(self._store, moved, before)
            place_scores(self._store, moved)
            place_logs(self._store, moved, min(known[fold.project, fold.trace_id].first_received for fold in moved))
        return moved

    def _has_to_move(self, facts: Columns, fold: TraceFold, before: KnownTrace, touched: Touched) -> bool:
        """Whether rows may stand elsewhere than this fold says; of what only the store remembers nobody knows."""
        key = (fold.project, fold.trace_id)
        if key in touched.unplaced or key in self._waiting or before.steps is None:
            return True
        if before.is_new:
            return False
        if before.main_thread != fold.main_thread or set(before.threads) != set(fold.segments):
            return True
        return len(fold.segments) > 1 and before.steps.keys() != {_mark(facts, step) for step in fold.steps}

    def _wait_for_spans(self, groups: Mapping[TraceKey, object], known: Mapping[TraceKey, KnownTrace], touched: Touched) -> None:
        for key in touched.traces:
            if key in groups:
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
        for thread in known[fold.project, fold.trace_id].threads:
            result.setdefault((fold.project, thread), {})[fold.trace_id] = None
        for thread, segment in fold.segments.items():
            result.setdefault((fold.project, thread), {})[fold.trace_id] = segment
    for fold in moved:
        for thread in (*known[fold.project, fold.trace_id].threads, *fold.segments):
            result.pop((fold.project, thread), None)
    return result


def _groups(facts: Columns, touched: Mapping[TraceKey, int]) -> dict[TraceKey, list[int]]:
    """Rows by trace, one row per span: of a span that came twice the newest form, as the table itself would have it."""
    newest: dict[tuple[str, str, str], int] = {}
    versions = facts["form"]
    for row, key in enumerate(zip(facts["project"], facts["trace_id"], facts["span_id"], strict=True)):
        if (other := newest.get(key)) is None or versions[row] >= versions[other]:
            newest[key] = row
    groups: dict[TraceKey, list[int]] = {}
    for (project, trace_id, _), row in newest.items():
        if (project, trace_id) in touched:
            groups.setdefault((project, trace_id), []).append(row)
    return groups


def _mark(facts: Columns, step: Step) -> tuple[str, str]:
    return step.thread_id, facts["span_id"][step.row]


def fingerprint(facts: Columns, step: Step) -> int:
    """Steps with equal ones need not be written again."""
    row = step.row
    return hash((*step[1:3], *step.span_ids, *step[4:], facts["received_ns"][row], facts["duration"][row], facts["final"][row]))
