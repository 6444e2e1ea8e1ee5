"""Folds the traces of a round in Python: the reference that the kernel is held to."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipeline.batch import TraceKey
from pipeline.summaries.facts import Columns, columns
from pipeline.summaries.fold import Folded, Step, fold_trace
from pipeline.summaries.folds import OWN, Folds, Moved, TraceFold, mark
from pipeline.summaries.roots import add_attributes


def fold_spans(spans: pa.Table, touched: Mapping[TraceKey, int]) -> Folds:
    """A `Fold`."""
    facts = columns(spans)
    folded = [fold_trace(facts, group) for group in _groups(facts, touched)]
    add_attributes(spans, folded)
    traces, first = [], 0
    for fold in folded:
        traces.append(_trace(facts, fold, first))
        first += len(fold.steps)
    steps = [step for fold in folded for step in fold.steps]
    own = zip(*(step[1:] for step in steps), strict=True) if steps else ([] for _ in OWN)
    arrays = [pa.array(values, kind) for (_, kind), values in zip(OWN, own, strict=True)]
    return Folds(traces, pa.array([step.row for step in steps], pa.int64()), pa.record_batch(arrays, names=[name for name, _ in OWN]))


def _groups(facts: Columns, touched: Mapping[TraceKey, int]) -> Sequence[Sequence[int]]:
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
    return list(groups.values())


def _trace(facts: Columns, fold: Folded, first: int) -> TraceFold:
    ids, keys = facts["span_id"], facts["thread_key"]
    return TraceFold(
        fold.project,
        fold.trace_id,
        fold.main_thread,
        first,
        len(fold.steps),
        sum(len(step.span_ids) for step in fold.steps),
        fold.segments,
        [Moved(ids[row], keys[row], thread) for row, thread in fold.moved],
        b"".join(_mark(facts, step) for step in fold.steps),
    )


def _mark(facts: Columns, step: Step) -> bytes:
    row = step.row
    written = hash((*step[1:3], *step.span_ids, *step[4:], facts["received_ns"][row], facts["duration"][row], facts["final"][row]))
    return mark(hash((step.thread_id, facts["span_id"][row])), written)
