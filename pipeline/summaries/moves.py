"""Rows that stood under a thread which turned out to be another: written again under the right one, taken away from the old.

Versions tell who says so: rows as they came have even ones (messages aside), what was placed here odd ones. Placing goes on from what
is stored, so a row may move more than once and even back.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pipeline.batch import TraceKey
from pipeline.summaries.folds import TraceFold
from pipeline.summaries.statements import statement
from schemas.store import Store

LONGEST_DELAY: Final = 86_400 * 10**9
"""Log records of a trace may arrive this long (ns) before its first span does."""


Places = Mapping[TraceKey, Mapping[str, str]]
"""Of each trace, span id -> thread; '' stands for whatever the trace shows no span of."""


def move_messages(store: Store, folds: Sequence[TraceFold], before: Mapping[TraceKey, Collection[str]]) -> None:
    """Messages of calls without a thread of their own, to the thread their trace gave them. `before`: where they may stand by now."""
    target: dict[tuple[str, str, str], str] = {}
    old: set[tuple[str, str]] = set()
    for fold in folds:
        targets = {moved.thread_id for moved in fold.moved}
        places = {moved.thread_key for moved in fold.moved}
        if targets:
            places |= set(before[fold.key]) - (targets if len(targets) == 1 else set())
        old.update((fold.project, place) for place in places)
        target.update({(*fold.key, moved.span_id): moved.thread_id for moved in fold.moved})
    if target:
        keys = sorted(old)
        found = store.arrow(
            statement("moved_messages"),
            {
                "projects": [key[0] for key in keys],
                "threads": [key[1] for key in keys],
                "traces": sorted({key[1] for key in target}),
                "steps": sorted({key[2] for key in target}),
            },
        )
        _move(store, "message_rows", found, [target.get(key) for key in _keys(found, "project", "trace_id", "step_id")])


def move_told(store: Store, target: Places, before: Mapping[TraceKey, Collection[str]]) -> None:
    """Messages that log records told without naming a thread, to that of the step they belong to."""
    places = sorted({(project, place) for project, trace in target for place in {trace, *before[project, trace]}})
    parameters = {
        "projects": [key[0] for key in places],
        "threads": [key[1] for key in places],
        "traces": sorted({key[1] for key in target}),
        "steps": sorted({step for by in target.values() for step in by}),
    }
    found = store.arrow(statement("moved_messages"), parameters)
    threads = [target.get((project, trace), {}).get(step) for project, trace, step in _keys(found, "project", "trace_id", "step_id")]
    _move(store, "message_rows", found, threads)


def move_permissions(store: Store, target: Places, before: Mapping[TraceKey, Collection[str]]) -> None:
    """Checks that name no thread, to that of the step they guard."""
    places = sorted({(project, place) for project, trace in target for place in {trace, *before[project, trace]}})
    if target:
        parameters = {
            "projects": [key[0] for key in places],
            "threads": [key[1] for key in places],
            "traces": sorted({key[1] for key in target}),
        }
        found = store.arrow(statement("moved_permissions"), parameters)
        threads = [
            by.get(step, by.get(""))
            for by, step in (
                (target.get((project, trace), {}), step) for project, trace, step in _keys(found, "project", "trace_id", "step_id")
            )
        ]
        _move(store, "permission_rows", found, threads)


def place_logs(store: Store, target: Places, since: int) -> None:
    """Logs that name only a trace, into the trace's thread. `since` (ns) is the oldest receipt among those traces."""
    if target:
        projects, traces = sorted({key[0] for key in target}), sorted({key[1] for key in target})
        found = store.arrow(statement("unplaced_logs"), {"projects": projects, "traces": traces, "since": max(0, since - LONGEST_DELAY)})
        threads = [target.get((project, trace), {}) for project, trace, _ in _keys(found, "project", "TraceId", "SpanId")]
        spans = [step for _, _, step in _keys(found, "project", "TraceId", "SpanId")]
        _rewrite(store, "log_records", found, [by.get(span, by.get("")) for by, span in zip(threads, spans, strict=True)])


def place_scores(store: Store, target: Places) -> pa.Table | None:
    """Scores that name only a trace, into the thread of the step they judge. Returns those that came into another thread."""
    parameters = {"projects": sorted({key[0] for key in target}), "traces": sorted({key[1] for key in target})}
    found = store.arrow(statement("unplaced_scores"), parameters)
    judged = [(target.get((project, trace), {}), step) for project, trace, step in _keys(found, "project", "trace_id", "step_id")]
    return _rewrite(store, "score_records", found, [by.get(step, by.get("")) for by, step in judged])


def _keys(table: pa.Table, project: str, trace: str, step: str) -> list[tuple[str, str, str]]:
    return list(zip(*(table.column(name).to_pylist() for name in (project, trace, step)), strict=True))


def _move(store: Store, table: str, found: pa.Table, threads: Sequence[str | None]) -> None:
    chosen = _changed(found, threads)
    if chosen:
        rows = found.take(pa.array(chosen, pa.int64()))
        placed = _with(rows, thread_id=pa.array([threads[row] for row in chosen], pa.string()), version=_placed(rows))
        _insert(store, table, placed)
        versions = pa.array([version + 1 for version in rows.column("version").to_pylist()], pa.uint64())
        _insert(store, table, _with(rows, version=versions, is_deleted=pa.array([1] * len(chosen), pa.uint8())))


def _rewrite(store: Store, table: str, found: pa.Table, threads: Sequence[str | None]) -> pa.Table | None:
    chosen = _changed(found, threads)
    if not chosen:
        return None
    rows = found.take(pa.array(chosen, pa.int64()))
    placed = _with(rows, thread_id=pa.array([threads[row] for row in chosen], pa.string()), version=_placed(rows))
    _insert(store, table, placed)
    return placed


def _placed(rows: pa.Table) -> pa.Array:
    """The next odd version: beyond the one that was, and beyond the one that takes a row away from its old place."""
    return pa.array([version + (2 if version % 2 else 1) for version in rows.column("version").to_pylist()], pa.uint64())


def _changed(found: pa.Table, threads: Sequence[str | None]) -> list[int]:
    stored = found.column("thread_id").to_pylist()
    return [row for row, thread in enumerate(threads) if thread and thread != stored[row]]


def _with(rows: pa.Table, **columns: Any) -> pa.Table:
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


def _insert(store: Store, table: str, rows: pa.Table) -> None:
    for batch in rows.combine_chunks().to_batches():
        store.insert(table, batch)
