"""Threads: the list, one of them, and its state at an instant."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final

from control import cursors, times
from control.errors import NotThereError
from control.projects import Projects
from control.reach import Reach
from control.reader import Reader, Row
from control.times import BEGINNING, END, NANOSECONDS

DEFAULT_KINDS: Final = ("agent", "mcp")
"""Plain traces are left out of lists unless asked for."""
MOST_SCORES: Final = 1000
"""Of one thread; `/api/scores` has them all."""
EXPORT_INTERVAL: Final = 60 * NANOSECONDS
"""How far apart OpenTelemetry's SDKs send points, unless told otherwise: a short thread has none of its own."""
_KEPT: Final = 4000
"""Rows of lists that are kept: some 15 MB."""
Page = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """What a list asks for; times in nanoseconds, empty means any."""

    project: str
    status: str = ""
    mcp_id: str = ""
    parent: str = ""
    q: str = ""
    kinds: tuple[str, ...] = DEFAULT_KINDS
    since: int = BEGINNING
    until: int = END


class Threads:
    def __init__(self, reader: Reader, projects: Projects, stalled_after: float) -> None:
        self._reader = reader
        self._projects = projects
        self._stalled_after = int(stalled_after * NANOSECONDS)
        self._recent: dict[tuple[str, str, int], Row] = {}
        self._reach: Reach[ThreadFilter] = Reach()

    def _stalled_at(self) -> int:
        """A running thread last heard of before this has stalled."""
        return times.now_ns() - self._stalled_after

    async def page(self, wanted: ThreadFilter, limit: int, cursor: str | None) -> Page:
        """Newest start first. Raises BadParameterError."""
        keys = await self._keys(wanted, limit + 1, cursors.decode(cursor, int, str))
        items = await self._whole(keys[:limit])
        last = keys[limit - 1] if len(keys) > limit else None
        return {"items": items, "next": last and cursors.encode((last["started_ns"], last["thread_id"]))}

    async def _keys(self, wanted: ThreadFilter, count: int, before: list[Any] | None) -> list[Row]:
        stalled = wanted.status == "stalled"
        parameters = {
            "projects": await self._projects.meant(wanted.project),
            "kinds": None if "*" in wanted.kinds else list(wanted.kinds),
            "status": None if stalled else wanted.status or None,
            "stalled_before": self._stalled_at() if stalled else None,
            "mcp_id": wanted.mcp_id or None,
            "parent": wanted.parent or None,
            "q": wanted.q or None,
            "before": before[0] if before else None,
            "before_id": before[1] if before else None,
        }
        kind, until = replace(wanted, since=BEGINNING, until=END), min(wanted.until, before[0]) if before else wanted.until
        keys: list[Row] = []
        for low, high in self._reach.windows(kind, wanted.since, until):
            window = {"low": low, "high": high, "limit": count - len(keys)}
            keys += await self._reader.rows("thread_keys", {**parameters, **window})
            if len(keys) >= count:
                break
        self._reach.reached(kind, until, keys[-1]["started_ns"] if len(keys) >= count else wanted.since)
        return keys

    async def _whole(self, keys: list[Row]) -> list[Row]:
        """The rows behind `keys`, in their order. A row of one version never changes, so what was read lately is kept."""
        missing = [key for key in keys if _identity(key) not in self._recent]
        newer: dict[tuple[str, str], Row] = {}
        if missing:
            parameters = {
                "projects": sorted({key["project"] for key in missing}),
                "times": sorted({key["started_ns"] for key in missing}),
                "thread_ids": sorted({key["thread_id"] for key in missing}),
            }
            for row in await self._reader.rows("threads_page", parameters):
                self._recent[_identity(row)] = newer[row["project"], row["thread_id"]] = row
        stalled_at = self._stalled_at()
        # A thread may have got a newer version since its key was read; then it shows that one.
        found = [self._recent.get(_identity(key)) or newer.get((key["project"], key["thread_id"])) for key in keys]
        rows = [_shown(row, stalled_at) for row in found if row is not None]
        while len(self._recent) > _KEPT:
            self._recent.pop(next(iter(self._recent)))
        return rows

    async def running(self, project: str, limit: int) -> list[Row]:
        return list((await self.page(ThreadFilter(project, status="running"), limit, None))["items"])

    async def get(self, project: str, thread_id: str) -> Row:
        """Raises NotThereError."""
        names = await self._projects.meant(project)
        parameters = {"thread_id": thread_id, "stalled_at": self._stalled_at()}
        for name in names:
            row = await self._reader.first("thread", {**parameters, "project": name})
            if row:
                return row
        raise NotThereError("thread", thread_id, project)

    async def whole(self, project: str, thread_id: str) -> Row:
        """The thread with its scores, the newest first. Raises NotThereError."""
        row = await self.get(project, thread_id)
        key = {"project": row["project"], "thread_id": thread_id, "limit": MOST_SCORES}
        return {**row, "scores": await self._reader.rows("thread_scores", key)}

    async def place(self, project: str, thread_id: str) -> Row:
        """A thread's project, thread_id, first_day, last_day and permission_checks: what reading its parts needs.

        Raises NotThereError.
        """
        for name in await self._projects.meant(project):
            row = await self._reader.first("thread_exists", {"project": name, "thread_id": thread_id})
            if row:
                return row
        raise NotThereError("thread", thread_id, project)

    async def metrics(self, project: str, thread_id: str) -> Page:
        """What metrics say of it: `source` thread (sums of points that name it) or process (highest value of each instance of its services
        while it ran, give or take an interval of export). Raises NotThereError."""
        thread = await self.get(project, thread_id)
        began, seen = times.parse("started_at", thread["started_at"]), times.parse("last_seen_at", thread["last_seen_at"])
        parameters = {name: thread[name] for name in ("project", "thread_id", "services")}
        around = {"since": max(0, began - EXPORT_INTERVAL), "until": seen + EXPORT_INTERVAL}
        return {"items": await self._reader.rows("thread_metrics", {**parameters, **around}), "next": None}

    async def at(self, project: str, thread_id: str, instant: int) -> Row:
        """The thread's state at `instant` (ns): what had begun and ended, and what was open."""
        place, thread = await asyncio.gather(self.place(project, thread_id), self.get(project, thread_id))
        key = {**place, "at": instant}
        counts, permissions, open_steps = await asyncio.gather(
            self._reader.first("thread_at", key),
            self._reader.first("thread_permissions_at", key),
            self._reader.rows("thread_open_steps", key),
        )
        state = {"project": thread["project"], "thread_id": thread_id, "time": times.iso(instant), "status": _status_at(thread, instant)}
        return {**state, **(counts or {}), **(permissions or {}), "open_steps": open_steps}


def _identity(row: Row) -> tuple[str, str, int]:
    return row["project"], row["thread_id"], row["version"]


def _shown(row: Row, stalled_at: int) -> Row:
    """A kept row as the list shows it now: whether it has stalled depends on the time."""
    silent = row["status"] == "running" and not row["waiting_for"] and row["received_ns"] < stalled_at
    shown = {**row, "stalled_since": row["last_seen_at"] if silent else None}
    del shown["version"], shown["received_ns"]
    return shown


def _status_at(thread: Row, instant: int) -> str:
    """A thread runs from its start to its end; after that it is what it is now. Before: not_started."""
    if instant < times.parse("started_at", thread["started_at"]):
        return "not_started"
    ended = thread["ended_at"]
    if ended and instant < times.parse("ended_at", ended):
        return "running"
    return str(thread["status"])
