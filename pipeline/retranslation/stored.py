"""What re-translation reads of the tables and takes out of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pipeline.batch import ThreadKey, TraceKey
from pipeline.context import MessageIdentity
from pipeline.messages import HASH_BYTES
from pipeline.retranslation.statements import statement
from schemas.store import Store

Row = dict[str, Any]
SpanKey = tuple[str, str, str]
"""(project, trace id, span id)"""
CHUNK: Final = 1_000
"""Rows that are Python objects at one time."""
MOST_BODY_BYTES: Final = 128 * 1024 * 1024


class StoredBodies:
    """Bodies by content, as many as fit into MOST_BODY_BYTES and the records at hand need. A Seen of what is loaded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, bytes], bytes] = {}
        self._size = 0

    def load(self, references: Iterable[tuple[str, str]]) -> None:
        """Whatever these references (project, text) name, blocks and what is in them."""
        if self._size > MOST_BODY_BYTES:
            self._known, self._size = {}, 0
        names = {(project, name) for project, said in references for name in said.partition(":")[2].split(",") if name}
        blocks = {(project, name[1:]) for project, name in names if name.startswith("*")}
        self._fetch(blocks)
        inside = {
            (project, block[start : start + HASH_BYTES].hex())
            for project, name in blocks
            if (block := self._known.get((project, bytes.fromhex(name)))) is not None
            for start in range(0, len(block), HASH_BYTES)
        }
        self._fetch({one for one in names if not one[1].startswith("*")} | inside)

    def body(self, project: str, key: bytes) -> bytes:
        """Raises KeyError where it has expired."""
        return self._known[project, key]

    def has_body(self, project: str, key: bytes) -> bool:
        return (project, key) in self._known

    def has_message(self, identity: MessageIdentity, at: int) -> bool:  # noqa: ARG002  a port's
        """All are made anew, so that they can be compared."""
        return False

    def _fetch(self, wanted: Collection[tuple[str, str]]) -> None:
        missing = sorted({one for one in wanted if (one[0], _bytes(one[1])) not in self._known})
        if missing:
            parameters = {"projects": sorted({project for project, _ in missing}), "hashes": [name for _, name in missing]}
            for row in _rows(self._store.arrow(statement("bodies"), parameters)):
                body = row["body"].encode() if isinstance(row["body"], str) else row["body"]
                self._known[row["project"], row["hash"]] = body
                self._size += len(body)


def _bytes(name: str) -> bytes:
    """What is no hash names nothing."""
    try:
        return bytes.fromhex(name)
    except ValueError:
        return b""


class Stored:
    """Rows by what they belong to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def chunks(self, name: str, **parameters: Any) -> Iterator[list[Row]]:
        """The rows of a statement, CHUNK at a time."""
        table = self._store.arrow(statement(name), parameters)
        for start in range(0, table.num_rows, CHUNK):
            yield _rows(table.slice(start, CHUNK))

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        return _rows(self._store.arrow(statement(name), parameters))

    def spans_of(self, traces: Collection[TraceKey]) -> dict[SpanKey, Row]:
        """All rows of `spans` under these traces."""
        found = self.rows("rows_of_traces", **pairs(traces)) if traces else []
        return {(row["project"], row["TraceId"], row["SpanId"]): row for row in found}

    def take_away_told(self, stale: Sequence[Row], covers: bool) -> set[TraceKey]:
        """Calls that nothing tells any more, or covers of such; traces that are empty then go whole, and are returned."""
        keys = [(row["project"], row["TraceId"], row["SpanId"]) for row in stale]
        if not keys:
            return set()
        traces = {key[:2] for key in keys}
        gone = {"gone_projects": [key[0] for key in keys], "gone_traces": [key[1] for key in keys], "gone_spans": [key[2] for key in keys]}
        others = {(row["project"], row["TraceId"]) for row in self.rows("traces_with_others", **pairs(traces), **gone)}
        empty = traces - others
        for table in ("steps", "trace_summaries", "traces") if empty else ():
            self._delete(table, _IN.format("project, trace_id", "projects", "traces"), pairs(empty))
        keyed = _IN_THREE.format("project, TraceId, SpanId", "gone_projects", "gone_traces", "gone_spans")
        self._delete(
            "spans", f"{keyed} AND origin = 'log' AND {'type' if covers else 'final = 1 AND type'} {'=' if covers else '!='} 'cover'", gone
        )
        return empty

    def take_away_messages(self, stale: Sequence[Row]) -> None:
        """Every form of these messages: where they stand, where they stood, and what says that they stand there no more."""
        parameters = {
            "projects": [row["project"] for row in stale],
            "hashes": [row["content_hash"].hex() for row in stale],
            "threads": sorted({thread for row in stale for thread in (row["thread_id"], row["trace_id"])}),
        }
        which = _IN.format("project, lower(hex(content_hash))", "projects", "hashes")
        self._delete("message_rows", f"{which} AND (is_deleted = 1 OR thread_id IN {{threads:Array(String)}})", parameters)

    def take_away_checks(self, stale: Sequence[Row]) -> None:
        """All that was said of these checks."""
        parameters = {"projects": [row["project"] for row in stale], "events": [row["event_id"] for row in stale]}
        self._delete("permission_rows", _IN.format("project, event_id", "projects", "events"), parameters)

    def take_away_activity(self, threads: Collection[ThreadKey], moved: Sequence[bytes]) -> None:
        """Signs of life of those of the threads that no log record names but the `moved` ones (their ids)."""
        if not threads:
            return
        names = {"projects": [key[0] for key in threads], "threads": [key[1] for key in threads]}
        named = self.rows("threads_heard_of", **names, moved=[one.hex() for one in moved])
        if silent := set(threads) - {(row["project"], row["thread_id"]) for row in named}:
            names = {"projects": [key[0] for key in silent], "threads": [key[1] for key in silent]}
            self._delete("thread_activity", _IN.format("project, thread_id", "projects", "threads"), names)

    def _delete(self, table: str, which: str, parameters: Mapping[str, Any]) -> None:
        self._store.command(f"ALTER TABLE {table} DELETE WHERE {which} SETTINGS mutations_sync = 1", parameters)


_IN: Final = "({0}) IN (SELECT arrayJoin(arrayZip({{{1}:Array(String)}}, {{{2}:Array(String)}})))"
_IN_THREE: Final = "({0}) IN (SELECT arrayJoin(arrayZip({{{1}:Array(String)}}, {{{2}:Array(String)}}, {{{3}:Array(String)}})))"


def pairs(traces: Collection[TraceKey]) -> dict[str, list[str]]:
    keys = sorted(traces)
    return {"projects": [key[0] for key in keys], "traces": [key[1] for key in keys]}


def _rows(table: pa.Table) -> list[Row]:
    rows: list[Row] = table.to_pylist()
    return rows
