"""Log records: pages, newest first, and exports of any length."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby, islice
from typing import Any, Final, Literal

import orjson

from control import cursors
from control.projects import Projects
from control.reach import Reach
from control.reader import Reader, Row
from control.times import BEGINNING, END, HOUR, NANOSECONDS

Format = Literal["json", "jsonl", "csv"]
MEDIA_TYPES: Final = {"json": "application/json", "jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_EXPORT_PAGE: Final = 1000
_BESIDE: Final = 24 * HOUR
"""So much before and after a thread's own times its log records are looked for."""
_COLUMNS: Final = (
    *("project", "timestamp", "level", "severity_number", "service", "thread_id", "step_id", "trace_id"),
    *("mcp_id", "event_name", "message", "exception", "context", "log_id"),
)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a list, an export or a subscription asks for; times in nanoseconds, empty means any."""

    project: str
    thread_ids: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    mcp_ids: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    q: str = ""
    since: int = BEGINNING
    until: int = END


class Logs:
    def __init__(self, reader: Reader, projects: Projects) -> None:
        self._reader = reader
        self._projects = projects
        self._reach: Reach[LogFilter] = Reach()

    async def page(self, wanted: LogFilter, limit: int, cursor: str | None, offset: int = 0) -> dict[str, Any]:
        """Newest first; `offset` skips records of the first page. Raises BadParameterError."""
        before = cursors.decode(cursor, int, str)
        if offset:
            skipped = await self._newest("log_keys", wanted, offset, before)
            if len(skipped) < offset:
                return {"items": [], "next": None}
            before = list(_place(skipped[-1]))
        rows = await self._newest("logs_page", wanted, limit + 1, before)
        following = cursors.encode(_place(rows[limit - 1])) if len(rows) > limit else None
        return {"items": [_shown(row) for row in rows[:limit]], "next": following}

    async def of_thread(self, thread: Row, levels: tuple[str, ...], q: str) -> LogFilter:
        """What a thread's own records are found by: `thread` is what `Threads.place` said, whose times are looked at alone."""
        wanted = LogFilter(str(thread["project"]), (str(thread["thread_id"]),), levels, q=q)
        if not thread["first_day"]:  # a clock that runs ahead: any time will do
            return wanted
        since, until = thread["first_day"] * NANOSECONDS - _BESIDE, thread["last_day"] * NANOSECONDS + _BESIDE
        said = await self._reader.first("thread_log_times", thread)
        if said and said["found"]:
            since, until = min(since, said["first_ns"]), max(until, said["last_ns"])
        return replace(wanted, since=max(since, BEGINNING), until=min(until, END))

    async def _newest(self, query: str, wanted: LogFilter, count: int, before: list[Any] | None) -> list[Row]:
        """`count` rows of a query, unless there are fewer, from as many windows of time as it takes."""
        parameters = {
            "levels": list(wanted.levels) or None,
            "thread_ids": list(wanted.thread_ids) or None,
            "mcp_ids": list(wanted.mcp_ids) or None,
            "services": list(wanted.services) or None,
            "q": wanted.q or None,
        }
        names = await self._projects.meant(wanted.project)
        kind, until = replace(wanted, since=BEGINNING, until=END), min(wanted.until, before[0]) if before else wanted.until
        rows: list[Row] = []
        for low, high in self._windows(kind, wanted.since, until):
            window = {**parameters, "low": low, "high": high}
            # One query per project: the sort key leads with it, and only inside one project is it in order of time.
            lists = [await self._of_project(query, {**window, "project": name}, count - len(rows), before) for name in names]
            rows += islice(merge(*lists, key=_place, reverse=True), count - len(rows))
            if len(rows) >= count:
                break
        self._reach.reached(kind, until, rows[-1]["at_ns"] if len(rows) >= count else wanted.since)
        return rows

    def _windows(self, kind: LogFilter, since: int, until: int) -> Iterable[tuple[int, int]]:
        """A thread whose times are known needs no parts."""
        return [(since, until)] if kind.thread_ids and since else self._reach.windows(kind, since, until)

    async def _of_project(self, query: str, parameters: Row, count: int, before: list[Any] | None) -> list[Row]:
        """`count` records, each once, unless there are fewer."""
        found: list[Row] = []
        more = True
        while more and len(found) < count:
            place = {"before": before[0], "before_id": before[1]} if before else {}
            rows = await self._reader.rows(query, {**parameters, **place, "limit": count - len(found) + 1})
            more = len(rows) > count - len(found)
            records = [list(same) for _, same in groupby(rows, _place)]
            # Of the last one of a full answer there may be more versions.
            found += [max(same, key=_version) for same in (records[:-1] if more and len(records) > 1 else records)]
            before = list(_place(found[-1])) if found else before
        return found[:count]

    async def export(self, wanted: LogFilter, form: Format, most: int | None) -> AsyncIterator[bytes]:
        """The records as a file, newest first, one page in memory at a time; at most `most` of them."""
        write = _WRITERS[form]
        cursor: str | None = None
        written = 0
        yield _HEAD[form]
        while most is None or written < most:
            page = await self.page(wanted, _EXPORT_PAGE if most is None else min(_EXPORT_PAGE, most - written), cursor)
            yield write(page["items"], written == 0)
            written += len(page["items"])
            cursor = page["next"]
            if cursor is None:
                break
        yield _FOOT[form]


def _place(row: Row) -> tuple[int, str]:
    return row["at_ns"], row["log_id"]


def _version(row: Row) -> int:
    return int(row.get("version", 0))


def _shown(row: Row) -> Row:
    del row["at_ns"], row["version"]
    return row


def _json(rows: list[Row], first: bool) -> bytes:
    text = b",\n".join(orjson.dumps(row) for row in rows)
    return text if first or not rows else b",\n" + text


def _jsonl(rows: list[Row], _: bool) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _csv(rows: list[Row], first: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    if first:
        writer.writerow(_COLUMNS)
    writer.writerows([_cell(row[name]) for name in _COLUMNS] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Cells that a spreadsheet would run as a formula get a quote in front; maps become JSON."""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


_HEAD: Final = {"json": b"[", "jsonl": b"", "csv": b""}
_FOOT: Final = {"json": b"]\n", "jsonl": b"", "csv": b""}
_WRITERS: Final[dict[Format, Callable[[list[Row], bool], bytes]]] = {"json": _json, "jsonl": _jsonl, "csv": _csv}
