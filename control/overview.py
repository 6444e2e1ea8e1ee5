"""The numbers of the first page: what runs, waits, stalls and fails now."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from control import times
from control.logs import LogFilter, Logs
from control.permissions import PermissionFilter, Permissions
from control.projects import Projects
from control.reader import Reader, Row
from control.shared import Shared
from control.threads import ThreadFilter, Threads
from control.times import HOUR, NANOSECONDS

_RECENT: Final = 20


class Overview:
    def __init__(
        self,
        reader: Reader,
        projects: Projects,
        threads: Threads,
        logs: Logs,
        permissions: Permissions,
        stalled_after: float,
        endpoints: Mapping[str, str],
    ) -> None:
        self._reader = reader
        self._projects = projects
        self._threads = threads
        self._logs = logs
        self._permissions = permissions
        self._stalled_after = int(stalled_after * NANOSECONDS)
        self._endpoints = endpoints
        self._shared: Shared[dict[str, Any]] = Shared()

    async def show(self, project: str) -> dict[str, Any]:
        """Counts of threads by state, the last hour's errors, today's tokens and cost (UTC), the latest events: as of `time`, two seconds ago at most."""
        return await self._shared.get(project, lambda: self._count(project))

    async def _count(self, project: str) -> dict[str, Any]:
        now = times.now_ns()
        names = await self._projects.meant(project)
        parameters = {"projects": names, "hour_ago": now - HOUR, "today": now - now % (24 * HOUR), "stalled_at": now - self._stalled_after}
        threads, usage, levels, permissions = await asyncio.gather(
            self._reader.first("overview_threads", parameters),
            self._reader.first("overview_usage", parameters),
            self._reader.rows("overview_logs", parameters),
            self._reader.first("overview_permissions", parameters),
        )
        records, checks = {row["level"]: row["records"] for row in levels}, permissions or {}
        return {
            "project": project,
            "time": times.iso(now),
            "endpoints": dict(self._endpoints),
            "threads": threads,
            "today": usage,
            "last_hour": {"logs": records, **checks},
            "events": await self._events(project, now, bool(checks.get("permission_denials")), bool(records.get("ERROR"))),
        }

    async def _events(self, project: str, now: int, denied: bool, failed: bool) -> list[Row]:
        """Threads that began, permissions denied and errors logged in the last hour, newest first; the latter two if there are any."""
        since = now - HOUR
        pages = [self._threads.page(ThreadFilter(project, since=since), _RECENT, None)]
        if denied:
            pages.append(self._permissions.page(PermissionFilter(project, granted="false", since=since), _RECENT, None))
        if failed:
            pages.append(self._logs.page(LogFilter(project, levels=("ERROR",), since=since), _RECENT, None))
        events = [_event(row) for page in await asyncio.gather(*pages) for row in page["items"]]
        return sorted(events, key=lambda event: str(event["time"]), reverse=True)[:_RECENT]


def _event(row: Row) -> Row:
    """Of a thread, a permission check or a log record."""
    if "started_at" in row:
        kind, time, title = "thread", row["started_at"], row["name"] or row["thread_id"]
    elif "granted" in row:
        kind, time, title = "denial", row["timestamp"], f"{row['subject']} {row['action']} {row['resource']}"
    else:
        kind, time, title = "error", row["timestamp"], row["message"]
    return {"type": kind, "project": row["project"], "thread_id": row["thread_id"], "time": time, "title": title.strip()[:200]}
