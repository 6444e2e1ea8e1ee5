"""One round over touched traces: read their spans, fold, write steps, segments and traces. Returns the threads to fold next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.batch import ThreadKey, TraceKey
from pipeline.summaries import rows
from pipeline.summaries.facts import Columns, columns
from pipeline.summaries.fold import Step, TraceFold, fold_trace
from pipeline.summaries.known import KnownTrace, KnownTraces, Marks
from pipeline.summaries.moves import move_messages, move_permissions, place_logs
from pipeline.summaries.rollups import HOUR
from pipeline.summaries.statements import statement
from schemas.store import Store


@dataclass(frozen=True, slots=True)
class TraceRound:
    """What came out: threads whose segments changed, steps as (spans, changed steps) for the hub, spans read per trace."""

    threads: frozenset[ThreadKey]
    spans: pa.Table | None
    changed: Sequence[tuple[TraceFold, Sequence[Step]]]
    sizes: Mapping[TraceKey, int]
    hours: frozenset[int]
    """Hours (seconds since 1970) in which changed steps began."""


class TraceSummaries:
    """Used from one thread."""

    def __init__(self, store: Store, known: KnownTraces) -> None:
        self._store, self._known = store, known

    def update(self, touched: Mapping[TraceKey, int], version: int) -> TraceRound:
        """`touched`: traces with the oldest receipt (ns) among their new rows. `version` must grow from round to round."""
        known = self._look_up(touched)
        spans = self._read(list(touched), min(trace.first_received for trace in known.values()))
        facts = columns(spans)
        groups: dict[TraceKey, list[int]] = {}
        for row, key in enumerate(zip(facts["project"], facts["trace_id"], strict=True)):
            groups.setdefault(key, []).append(row)
        folds = [fold_trace(facts, group) for group in groups.values()]
        changed = self._write(spans, facts, folds, known, version)
        threads = {(fold.project, thread) for fold in folds for thread in fold.segments}
        threads |= {(key[0], thread) for key in groups for thread in known[key].threads}
        hours = {facts["started"][step.row] // 10**9 // HOUR * HOUR for _, steps in changed for step in steps}
        return TraceRound(frozenset(threads), spans, changed, {key: len(group) for key, group in groups.items()}, frozenset(hours))

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
            trace = result.setdefault(key, KnownTrace(received, steps={}))
            trace.first_received = min(trace.first_received, received)
        return result

    def _read(self, keys: Sequence[TraceKey], since: int) -> pa.Table:
        parameters = {"projects": [key[0] for key in keys], "traces": [key[1] for key in keys], "since": since}
        return self._store.arrow(statement("trace_spans"), parameters)

    def _write(
        self, spans: pa.Table, facts: Columns, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace], version: int
    ) -> Sequence[tuple[TraceFold, Sequence[Step]]]:
        """Steps, then segments, then traces; what is written twice replaces itself."""
        if not folds:
            return []
        before = {(fold.project, fold.trace_id): self._marks(fold, known) for fold in folds}
        after = {(fold.project, fold.trace_id): marks(facts, fold) for fold in folds}
        changed = []
        for fold in folds:
            old, new = before[fold.project, fold.trace_id], after[fold.project, fold.trace_id]
            changed.append((fold, [step for step in fold.steps if old.get(mark := _mark(facts, step)) != new[mark]]))
        if steps := [step for _, own in changed for step in own]:
            self._store.insert("steps", rows.step_batch(spans, steps, version))
        self._delete(folds, before, after, version)
        gone = [(*key, thread) for key, trace in known.items() for thread in trace.threads if not self._contributes(folds, key, thread)]
        self._store.insert(
            "trace_summaries", rows.segment_batch(folds, [(project, thread, trace) for project, trace, thread in gone], version)
        )
        self._move(facts, folds, known)
        self._store.insert(
            "traces", rows.trace_batch(folds, [known[fold.project, fold.trace_id].first_received for fold in folds], version)
        )
        for fold in folds:
            key = (fold.project, fold.trace_id)
            self._known.remember(key, fold, known[key].first_received, after[key])
        return changed

    def _contributes(self, folds: Sequence[TraceFold], key: TraceKey, thread: str) -> bool:
        """Whether the trace still has steps in the thread; a trace with no spans at all keeps what it had."""
        return all((fold.project, fold.trace_id) != key or thread in fold.segments for fold in folds)

    def _marks(self, fold: TraceFold, known: Mapping[TraceKey, KnownTrace]) -> Marks:
        """The steps stored for the trace; from the store their fingerprints are unknown, so all are written again."""
        trace = known[fold.project, fold.trace_id]
        if trace.steps is not None:
            return trace.steps
        threads = list(trace.threads)
        parameters = {"projects": [fold.project] * len(threads), "threads": threads, "traces": [fold.trace_id] * len(threads)}
        return {(row["thread_id"], row["step_id"]): 0 for row in self._store.query(statement("trace_steps"), parameters)}

    def _delete(self, folds: Sequence[TraceFold], before: Mapping[TraceKey, Marks], after: Mapping[TraceKey, Marks], version: int) -> None:
        gone: list[rows.StoredStep] = []
        for fold in folds:
            key = (fold.project, fold.trace_id)
            segment = next(iter(fold.segments.values()))
            for thread, step in before[key].keys() - after[key].keys():
                gone.append((fold.project, thread, fold.trace_id, step, segment.received, segment.retention_days))
        if gone:
            self._store.insert("steps", rows.deleted_steps(gone, version))

    def _move(self, facts: Columns, folds: Sequence[TraceFold], known: Mapping[TraceKey, KnownTrace]) -> None:
        move_messages(self._store, facts, folds)
        fresh = [fold for fold in folds if known[fold.project, fold.trace_id].main_thread != fold.main_thread]
        move_permissions(self._store, fresh)
        place_logs(self._store, folds, min(trace.first_received for trace in known.values()))


def _mark(facts: Columns, step: Step) -> tuple[str, str]:
    return step.thread_id, facts["span_id"][step.row]


def marks(facts: Columns, fold: TraceFold) -> Marks:
    """A fingerprint of each step: equal ones need not be written again."""
    received, duration = facts["received_ns"], facts["duration"]
    return {
        _mark(facts, step): hash(
            (*step[1:3], tuple(step.span_ids), *step[4:], received[step.row], duration[step.row], facts["final"][step.row])
        )
        | 1
        for step in fold.steps
    }
