"""Permission checks: what agents asked for, and what they were allowed."""

from dataclasses import dataclass
from typing import Any, Literal

from control import cursors, times
from control.projects import Projects
from control.reader import Reader, Row
from control.times import BEGINNING, END

Granted = Literal["true", "false", "pending"]


@dataclass(frozen=True, slots=True)
class PermissionFilter:
    """What a list asks for; times in nanoseconds, None and empty mean any."""

    project: str
    granted: Granted | None = None
    escalation: bool | None = None
    thread_id: str = ""
    mcp_id: str = ""
    user_id: str = ""
    resource: str = ""
    since: int = BEGINNING
    until: int = END


class Permissions:
    def __init__(self, reader: Reader, projects: Projects) -> None:
        self._reader = reader
        self._projects = projects

    async def page(self, wanted: PermissionFilter, limit: int, cursor: str | None) -> dict[str, Any]:
        """Newest question first. Raises BadParameterError."""
        keys = await self._keys(wanted, limit + 1, cursors.decode(cursor, int, str))
        items = await self._whole(keys[:limit])
        last = keys[limit - 1] if len(keys) > limit else None
        return {"items": items, "next": last and cursors.encode((last["at_ns"], last["event_id"]))}

    async def _keys(self, wanted: PermissionFilter, count: int, before: list[Any] | None) -> list[Row]:
        parameters = {
            "projects": await self._projects.meant(wanted.project),
            "granted": {"true": 1, "false": 0}.get(wanted.granted or ""),
            "pending": 1 if wanted.granted == "pending" else None,
            "escalation": None if wanted.escalation is None else int(wanted.escalation),
            "thread_id": wanted.thread_id or None,
            "mcp_id": wanted.mcp_id or None,
            "user_id": wanted.user_id or None,
            "resource": wanted.resource or None,
            "before": before[0] if before else None,
            "before_id": before[1] if before else None,
        }
        until = min(wanted.until, before[0]) if before else wanted.until
        keys: list[Row] = []
        for low, high in self._windows(wanted, until):
            window = {"low": low, "high": high, "limit": count - len(keys)}
            keys += await self._reader.rows("permission_keys", {**parameters, **window})
            if len(keys) >= count:
                break
        return keys

    def _windows(self, wanted: PermissionFilter, until: int) -> list[tuple[int, int]]:
        """One thread's checks lie together, so there is nothing to gain by parts."""
        if wanted.thread_id:
            return [(wanted.since, until)]
        return list(times.windows(wanted.since, until, times.now_ns()))

    async def _whole(self, keys: list[Row]) -> list[Row]:
        if not keys:
            return []
        parameters = {
            "projects": sorted({key["project"] for key in keys}),
            "thread_ids": sorted({key["thread_id"] for key in keys}),
            "event_ids": sorted({key["event_id"] for key in keys}),
        }
        found = await self._reader.rows("permissions_page", parameters)
        wanted = {(key["project"], key["thread_id"], key["event_id"]) for key in keys}
        return [row for row in found if (row["project"], row["thread_id"], row["event_id"]) in wanted]

    async def counts(self, project: str, thread_id: str) -> Row:
        """checks, granted, denied, pending, escalations of one thread."""
        names = await self._projects.meant(project)
        return await self._reader.first("permission_counts", {"projects": names, "thread_id": thread_id}) or {}
