"""Messages that calls of several threads of one trace share, so that each of these threads has them.

A call that names no thread is stored under its trace's id, and under that a message which several calls say is one. When the trace shows
that the calls belong to several threads, the row goes to one of them. What the others said their spans still tell, by reference.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipeline.batch import TraceKey
from pipeline.bodies import EARLIEST_WINS, MESSAGE_TYPES, MOST_EQUAL
from pipeline.columns import times
from pipeline.messages import hashes
from pipeline.summaries.folds import Folds, TraceFold
from pipeline.summaries.known import KnownTrace
from pipeline.summaries.statements import statement
from pipeline.vocabulary import MESSAGE_SOURCES
from schemas.store import Store

Row = dict[str, Any]
LATEST: Final = 2**63 - 1


class Said(NamedTuple):
    """A message as one thread has it; `hash` in hexadecimal."""

    project: str
    thread_id: str
    hash: str
    occurrence: int


class Sight(NamedTuple):
    """Where a message was seen: the time (ns), the call, input or output, its place among the call's messages."""

    at: int
    call: Row
    direction: str
    position: int


def retell(store: Store, folds: Folds, before: Mapping[TraceKey, KnownTrace]) -> None:
    """Write what threads of these traces miss of their own calls. After what stood elsewhere has been moved."""
    threads: dict[tuple[str, str, str], str] = {}
    wanted: dict[TraceKey, Collection[str]] = {}
    for fold in folds.traces:
        if len(fold.segments) > 1 and fold.moved:
            threads |= {(*fold.key, moved.span_id): moved.thread_id for moved in fold.moved}
            if (spans := _to_ask(folds, fold, before[fold.key])) is not None:
                wanted[fold.key] = spans
    if not wanted:
        return
    calls = _calls(store, wanted, min(before[key].first_received for key in wanted))
    sights = _sights(calls, threads, _Blocks(store, calls))
    places = {(key[0], place) for key in wanted for place in (key[1], *before[key].threads)} | {said[:2] for said in sights}
    rows = list(_missing(sights, _stored(store, places, {said.hash for said in sights})))
    if rows:
        store.insert("message_rows", _batch(rows))


def _to_ask(folds: Folds, fold: TraceFold, before: KnownTrace) -> Collection[str] | None:
    """Spans whose messages their thread may miss: those placed elsewhere than they stand that are new or changed; all of the trace (empty)
    where a step left a thread, for it may have taken with it what others there said. None when nothing changed."""
    if fold.has_lost(before.marks):
        return ()
    own = folds.own.column("span_ids")
    changed = {span for place in fold.changed(before.marks) for span in own[place].as_py()}
    return changed & {moved.span_id for moved in fold.moved} or None


def _calls(store: Store, wanted: Mapping[TraceKey, Collection[str]], since: int) -> list[Row]:
    """What they said, the earliest first."""
    calls: list[Row] = []
    for keys in ([key for key in wanted if wanted[key]], [key for key in wanted if not wanted[key]]):
        if keys:
            parameters = {"projects": [key[0] for key in keys], "traces": [key[1] for key in keys], "since": since}
            spans = sorted({span for key in keys for span in wanted[key]})
            calls += store.query(statement("told_spans"), {**parameters, "spans": spans})
    return sorted(calls, key=lambda call: (call["started"], call["span_id"]))


class _Blocks:
    """The hashes that references stand for."""

    def __init__(self, store: Store, calls: Sequence[Row]) -> None:
        names = {
            (call["project"], name[1:]) for call in calls for said in call["references"].values() for name in _names(said) if name[0] == "*"
        }
        self._bodies: dict[tuple[str, str], bytes] = {}
        if names:
            parameters = {"projects": sorted({project for project, _ in names}), "hashes": sorted({name for _, name in names})}
            for row in store.query(statement("told_blocks"), parameters):
                self._bodies[row["project"], row["block"]] = bytes.fromhex(row["content"])

    def open(self, project: str, reference: str) -> list[str]:
        """In hexadecimal; empty where a block has expired."""
        try:
            return [key.hex() for key in hashes(reference, lambda key: self._bodies[project, key.hex()])]
        except KeyError:
            return []


def _names(reference: str) -> list[str]:
    _, _, names = reference.partition(":")
    return names.split(",") if names else []


def _sights(calls: Sequence[Row], threads: Mapping[tuple[str, str, str], str], blocks: _Blocks) -> dict[Said, Sight]:
    """Of every message of every thread the earliest sight, told apart as `BodyRows.add_messages` does."""
    sights: dict[Said, Sight] = {}
    for call in calls:
        project = call["project"]
        thread = threads.get((project, call["trace_id"], call["span_id"]), call["thread_key"])
        counts: dict[str, int] = {}
        position = 0
        for attribute, direction, _ in MESSAGE_SOURCES:
            at = min(LATEST, call["started"] + (call["duration"] if direction == "output" else 0))
            for key in blocks.open(project, call["references"].get(attribute, "list:")):
                counts[key] = occurrence = min(counts.get(key, 0) + 1, MOST_EQUAL)
                said = Said(project, thread, key, occurrence)
                if said not in sights or sights[said].at > at:
                    sights[said] = Sight(at, call, direction, position)
                position += 1
    return sights


def _stored(store: Store, places: Collection[tuple[str, str]], keys: Collection[str]) -> list[Row]:
    if not keys:
        return []
    projects, threads = zip(*sorted(places), strict=True)
    return store.query(statement("told_messages"), {"projects": list(projects), "threads": list(threads), "hashes": sorted(keys)})


def _missing(sights: Mapping[Said, Sight], stored: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """Rows of `message_rows` for what a thread has not, or saw later. What a message is, any row of it tells."""
    like = {(row["project"], row["hash"]): row for row in stored}
    there = {Said(row["project"], row["thread_id"], row["hash"], row["occurrence"]): row for row in stored}
    for said, (at, call, direction, position) in sights.items():
        if (model := like.get((said.project, said.hash))) is None:
            continue
        version, row = EARLIEST_WINS - at, there.get(said)
        if row is not None and not row["gone"] and row["at"] <= at:
            continue
        if row is not None:
            version = max(version, row["last_version"] + 1)
        yield (
            said.project, said.thread_id, model["role"], bytes.fromhex(said.hash), said.occurrence, call["trace_id"], call["span_id"], direction, position,
            model["call_id"], model["tool"], model["reason"], call["log_partition"], call["log_offset"], call["retention_days"], version, 0, at,
            call["received_ns"],
        )  # fmt: skip


def _batch(rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    *columns, at, received = zip(*rows, strict=True)
    arrays = {name: pa.array(values, kind) for (name, kind), values in zip(MESSAGE_TYPES, columns, strict=True)}
    arrays |= {"timestamp": times(at), "received": times(received)}
    return pa.record_batch(list(arrays.values()), names=list(arrays))
