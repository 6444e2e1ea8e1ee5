"""One round over touched threads: read what contributes to each, fold, write; tell the hub what began, changed and ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.batch import ThreadKey
from pipeline.summaries import rows
from pipeline.summaries.segment import TERMINAL, Segment
from pipeline.summaries.statements import statement
from pipeline.summaries.thread import Activity, Checks, Row, fold_thread
from schemas.store import Store


@dataclass(frozen=True, slots=True)
class ThreadChange:
    """`event` is thread.started, thread.updated or thread.ended."""

    event: str
    row: Row


class ThreadSummaries:
    """Used from one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def update(self, touched: Iterable[ThreadKey], version: int) -> list[ThreadChange]:
        """Fold these threads anew. `version` must grow from round to round."""
        keys = sorted(touched)
        if not keys:
            return []
        stored = self._stored(keys)
        folded = {key: row for key, row in self._fold(keys).items() if row is not None}
        if folded:
            self._store.insert("thread_summaries", rows.thread_batch(list(folded.values()), version))
        gone = [row for row in stored if not _stands(row, folded)]
        if gone:
            self._store.insert("thread_summaries", rows.deleted_threads(gone, version))
        before = {(row["project"], row["thread_id"]): str(row["status"]) for row in stored}
        return [ThreadChange(_event(before.get(key), row), row) for key, row in folded.items()]

    def _query(self, name: str, keys: Sequence[ThreadKey]) -> list[dict[str, Any]]:
        return self._store.query(statement(name), {"projects": [key[0] for key in keys], "threads": [key[1] for key in keys]})

    def _stored(self, keys: Sequence[ThreadKey]) -> list[dict[str, Any]]:
        return self._query("stored_threads", keys)

    def _fold(self, keys: Sequence[ThreadKey]) -> dict[ThreadKey, Row | None]:
        segments: dict[ThreadKey, list[Segment]] = {key: [] for key in keys}
        for row in self._query("thread_segments", keys):
            segments[row["project"], row["thread_id"]].append(Segment.from_json(row["summary"]))
        heard = {_key(row): Activity(**_rest(row)) for row in self._query("thread_activity", keys)}
        checks = {_key(row): Checks(**_rest(row)) for row in self._query("thread_permissions", keys)}
        return {key: fold_thread(key, segments[key], heard.get(key), checks.get(key, Checks())) for key in keys}


def _key(row: dict[str, Any]) -> ThreadKey:
    return row["project"], row["thread_id"]


def _rest(row: dict[str, Any]) -> dict[str, Any]:
    """The row without its key; `received` in seconds becomes nanoseconds."""
    rest = {name: value for name, value in row.items() if name not in ("project", "thread_id")}
    if rest["received"] < 10**12:
        rest["received"] *= 10**9
    return rest


def _stands(stored: dict[str, Any], folded: dict[ThreadKey, Row]) -> bool:
    row = folded.get(_key(stored))
    return row is not None and row["started_at"] == stored["started_at"]


def _event(before: str | None, row: Row) -> str:
    if row["status"] in TERMINAL and before not in TERMINAL:
        return "thread.ended"
    return "thread.started" if before is None else "thread.updated"
