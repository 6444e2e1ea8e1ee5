"""One round over touched threads: read what contributes to each, fold, write; tell the hub what began, changed and ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from pipeline.batch import ThreadKey
from pipeline.summaries import rows
from pipeline.summaries.answers import KINDS, RESUMED, Answers, answer
from pipeline.summaries.edges import may_go_round
from pipeline.summaries.known import KnownThread, KnownThreads, StoredThread
from pipeline.summaries.loops import Call, longest_loop
from pipeline.summaries.segment import TERMINAL, Segment
from pipeline.summaries.statements import statement
from pipeline.summaries.thread import Activity, Checks, Row, fold_thread
from schemas.store import Store

LATEST_CALLS: Final = 200
"""Of a thread's tool calls so many are looked at for what goes round across its traces."""


@dataclass(frozen=True, slots=True)
class ThreadChange:
    """`event` is thread.started, thread.updated or thread.ended."""

    event: str
    row: Row


class ThreadRound(NamedTuple):
    """What came out."""

    changes: Sequence[ThreadChange]
    answers: Answers | None = None


Segments = Mapping[str, Segment | None]
"""trace id -> what it contributes now, None for nothing any more"""


class ThreadSummaries:
    """Used from one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = KnownThreads()

    def forget(self) -> None:
        """From here on everything is read from the tables again."""
        self._known.clear()

    def update(self, touched: Iterable[ThreadKey], version: int, changed: Mapping[ThreadKey, Segments] | None = None) -> ThreadRound:
        """Fold these threads anew. `version` must grow from round to round.

        Those in `changed` differ in nothing but these segments, which are stored: what is remembered of them need not be read.
        """
        keys = sorted(touched)
        if not keys:
            return ThreadRound([])
        changed = changed or {}
        threads = self._remembered(changed)
        read = self._read([key for key in keys if key not in threads])
        for key in read.keys() & changed.keys():
            _recognise(read[key].segments, changed[key])
        threads |= read
        answers = self._answer(threads)
        self._count_checked(threads)
        self._find_loops(threads)
        folded = {key: row for key in keys if (row := self._fold(key, threads[key])) is not None}
        if folded:
            self._store.insert("thread_summaries", rows.thread_batch(list(folded.values()), version))
        gone = [_stored_row(key, row) for key in keys for row in threads[key].stored if not _stands(row, folded.get(key))]
        if gone:
            self._store.insert("thread_summaries", rows.deleted_threads(gone, version))
        changes = [ThreadChange(_event(threads[key].stored, row), row) for key, row in folded.items()]
        for key, row in folded.items():
            threads[key].stored = [(row["started_at"], row["status"], row["retention_days"])]
            self._known.put(key, threads[key])
        return ThreadRound(changes, answers)

    def _remembered(self, changed: Mapping[ThreadKey, Segments]) -> dict[ThreadKey, KnownThread]:
        """What is known of these, brought up to date."""
        threads = {key: known for key in changed if (known := self._known.take(key)) is not None}
        for key, known in threads.items():
            for trace_id, segment in changed[key].items():
                if segment is None:
                    known.segments.pop(trace_id, None)
                else:
                    known.segments[trace_id] = segment
        return threads

    def _read(self, keys: Sequence[ThreadKey]) -> dict[ThreadKey, KnownThread]:
        if not keys:
            return {}
        threads = {key: KnownThread({}, None, Checks(), []) for key in keys}
        for key in keys:
            self._known.take(key)
        for row in self._query("thread_segments", keys):
            threads[_key(row)].segments[row["trace_id"]] = Segment.from_json(row["summary"], **_rest(row))
        for row in self._query("thread_activity", keys):
            threads[_key(row)].heard = Activity(**_rest(row))
        self._read_checks(threads, keys)
        for row in self._query("stored_threads", keys):
            threads[_key(row)].stored.append((row["started_at"], row["status"], row["retention_days"]))
        return threads

    def _read_checks(self, threads: Mapping[ThreadKey, KnownThread], keys: Sequence[ThreadKey]) -> None:
        for row in self._query("thread_permissions", keys, questions=[*KINDS, RESUMED]):
            threads[_key(row)].checks = Checks(**_rest(row))

    def _answer(self, threads: Mapping[ThreadKey, KnownThread]) -> Answers | None:
        """Questions that their thread answers by going on, and what is known of its checks then."""
        asked = [key for key, thread in threads.items() if thread.checks.questions]
        if not asked or (answers := answer(self._store, asked)) is None:
            return None
        self._read_checks(threads, sorted(asked))
        return answers

    def _count_checked(self, threads: Mapping[ThreadKey, KnownThread]) -> None:
        """Asked anew whenever a thread changes, because it is about steps and decisions; threads without any check cost nothing."""
        asked = {
            key: thread
            for key, thread in threads.items()
            if thread.checks.checks and any(one.tool_calls for one in thread.segments.values())
        }
        if asked:
            calls = {_key(row): row["calls"] for row in self._query("checked_calls", sorted(asked))}
            for key, thread in asked.items():
                thread.checks = replace(thread.checks, checked_calls=calls.get(key, 0))

    def _find_loops(self, threads: Mapping[ThreadKey, KnownThread]) -> None:
        """Across traces, among the latest calls; what goes round within one trace its segment says."""
        for thread in threads.values():
            thread.loop = 0
        keys = sorted(key for key, thread in threads.items() if may_go_round(thread.segments.values()))
        if not keys:
            return
        latest: dict[ThreadKey, list[Call]] = {key: [] for key in keys}
        for row in self._query("latest_calls", keys, most=LATEST_CALLS):
            latest[_key(row)].append(Call(row["tool"], row["arguments"], row["error"]))
        for key, calls in latest.items():
            threads[key].loop = longest_loop(calls[::-1])

    def _query(self, name: str, keys: Sequence[ThreadKey], **more: Any) -> list[dict[str, Any]]:
        return self._store.query(statement(name), {"projects": [key[0] for key in keys], "threads": [key[1] for key in keys], **more})

    def _fold(self, key: ThreadKey, thread: KnownThread) -> Row | None:
        return fold_thread(key, list(thread.segments.values()), thread.heard, thread.checks, thread.loop)


def _recognise(stored: dict[str, Segment], folded: Segments) -> None:
    """What was read and is what was just folded becomes that, which knows more. Another processor may have stored something newer."""
    for trace_id, segment in folded.items():
        if segment is not None and stored.get(trace_id) == segment:
            stored[trace_id] = segment


def _key(row: dict[str, Any]) -> ThreadKey:
    return row["project"], row["thread_id"]


def _rest(row: dict[str, Any]) -> dict[str, Any]:
    """The row without its key; `received` in seconds becomes nanoseconds."""
    rest = {name: value for name, value in row.items() if name not in ("project", "thread_id")}
    if rest["received"] < 10**12:
        rest["received"] *= 10**9
    return rest


def _stored_row(key: ThreadKey, stored: StoredThread) -> dict[str, Any]:
    return {"project": key[0], "thread_id": key[1], "started_at": stored[0], "retention_days": stored[2]}


def _stands(stored: StoredThread, row: Row | None) -> bool:
    """Whether a stored row is the one that the thread's row replaces: it has its place by the thread's start."""
    return row is not None and row["started_at"] == stored[0]


def _event(stored: Sequence[StoredThread], row: Row) -> str:
    before = stored[-1][1] if stored else None
    if row["status"] in TERMINAL and before not in TERMINAL:
        return "thread.ended"
    return "thread.started" if before is None else "thread.updated"
