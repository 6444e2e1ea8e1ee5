"""Log records: pages, newest first, and exports of any length."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import Any, Final, Literal

import orjson

from control import cursors, times
from control.projects import Projects
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

    async def page(self, wanted: LogFilter, limit: int, cursor: str | None, offset: int = 0) -> dict[str, Any]:
        """Newest first; `offset` skips records of the first page. Raises BadParameterError."""
        keys = await self._keys(wanted, limit + 1, cursors.decode(cursor, int, str), offset)
        items = await self._whole(keys[:limit])
        last = keys[limit - 1] if len(keys) > limit else None
        return {"items": items, "next": last and cursors.encode((last["at_ns"], last["log_id"]))}

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

    async def _keys(self, wanted: LogFilter, count: int, before: list[Any] | None, offset: int) -> list[Row]:
        parameters = {
            "before": before[0] if before else None,
            "before_id": before[1] if before else None,
            "levels": list(wanted.levels) or None,
            "thread_ids": list(wanted.thread_ids) or None,
            "mcp_ids": list(wanted.mcp_ids) or None,
            "services": list(wanted.services) or None,
            "q": wanted.q or None,
        }
        until = min(wanted.until, before[0]) if before else wanted.until
        keys: list[Row] = []
        for low, high in _windows(wanted, until):
            keys += await self._window({**parameters, "low": low, "high": high}, wanted.project, count + offset - len(keys))
            if len(keys) >= count + offset:
                break
        return keys[offset : offset + count]

    async def _window(self, parameters: Row, project: str, count: int) -> list[Row]:
        """One query per project: the sort key leads with it, and only inside one project is it in order of time."""
        names = await self._projects.meant(project)
        lists = [await self._reader.rows("log_keys", {**parameters, "project": name, "limit": count}) for name in names]
        newest = merge(*lists, key=lambda key: (key["at_ns"], key["log_id"]), reverse=True)
        return list(islice(newest, count))

    async def _whole(self, keys: list[Row]) -> list[Row]:
        if not keys:
            return []
        parameters = {
            "projects": sorted({key["project"] for key in keys}),
            "times": sorted({key["at_ns"] for key in keys}),
            "log_ids": sorted({key["log_id"] for key in keys}),
        }
        found = await self._reader.rows("logs_page", parameters)
        wanted = {(key["project"], key["log_id"]) for key in keys}
        return [row for row in found if (row["project"], row["log_id"]) in wanted]

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


def _windows(wanted: LogFilter, until: int) -> Iterable[tuple[int, int]]:
    """A thread whose times are known needs no parts."""
    if wanted.thread_ids and wanted.since:
        return [(wanted.since, until)]
    return times.windows(wanted.since, until, times.now_ns())


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
