"""The numbers of the first page: what runs, waits, stalls and fails now."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from control import times
from control.logs import LogFilter, Logs
from control.permissions import PermissionFilter, Permissions
from control.projects import Projects
from control.reader import Reader, Row
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

    async def show(self, project: str) -> dict[str, Any]:
        """Counts of threads by state, the last hour's errors, today's tokens and cost (UTC), the latest events."""
        now = times.now_ns()
        names = await self._projects.meant(project)
        parameters = {"projects": names, "hour_ago": now - HOUR, "today": now - now % (24 * HOUR), "stalled_at": now - self._stalled_after}
        threads, usage, levels, permissions, events = await asyncio.gather(
            self._reader.first("overview_threads", parameters),
            self._reader.first("overview_usage", parameters),
            self._reader.rows("overview_logs", parameters),
            self._reader.first("overview_permissions", parameters),
            self._events(project, now),
        )
        return {
            "project": project,
            "time": times.iso(now),
            "endpoints": dict(self._endpoints),
            "threads": threads,
            "today": usage,
            "last_hour": {"logs": {row["level"]: row["records"] for row in levels}, **(permissions or {})},
            "events": events,
        }

    async def _events(self, project: str, now: int) -> list[Row]:
        """Threads that began, permissions denied and errors logged in the last hour, newest first."""
        since = now - HOUR
        threads, denials, errors = await asyncio.gather(
            self._threads.page(ThreadFilter(project, since=since), _RECENT, None),
            self._permissions.page(PermissionFilter(project, granted="false", since=since), _RECENT, None),
            self._logs.page(LogFilter(project, levels=("ERROR",), since=since), _RECENT, None),
        )
        events = [_event("thread", row, row["started_at"], row["name"] or row["thread_id"]) for row in threads["items"]]
        events += [
            _event("denial", row, row["timestamp"], f"{row['subject']} {row['action']} {row['resource']}") for row in denials["items"]
        ]
        events += [_event("error", row, row["timestamp"], row["message"]) for row in errors["items"]]
        return sorted(events, key=lambda event: str(event["time"]), reverse=True)[:_RECENT]


def _event(kind: str, row: Row, time: str, title: str) -> Row:
    return {"type": kind, "project": row["project"], "thread_id": row["thread_id"], "time": time, "title": title.strip()[:200]}
