"""Permission checks: what agents asked for, and what they were allowed."""

from dataclasses import dataclass
from typing import Any, Literal

from control import cursors, times
from control.projects import Projects
from control.reader import Reader, Row
from control.times import BEGINNING, END

Granted = Literal["true", "false", "pending"]
Escalation = Literal["true", "false", "asked_beyond_held", "denied_above", "stated", "auto_accept", "allowed_after_denial", "new_for_agent"]
"""Whether it is one; or one by this rule."""


@dataclass(frozen=True, slots=True)
class PermissionFilter:
    """What a list asks for; times in nanoseconds, None and empty mean any."""

    project: str
    granted: Granted | None = None
    escalation: Escalation | None = None
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
        """Latest statement (decision, else question) first. Raises BadParameterError."""
        before = cursors.decode(cursor, int, str)
        parameters = await self._parameters(wanted)
        if wanted.escalation:
            return await self._escalations(wanted, parameters, limit, before)
        items: list[tuple[Row, Row]] = []
        waiting: list[Row] = []  # looked at together: what a page costs is the number of queries
        for low, high in self._windows(wanted, min(wanted.until, before[0]) if before else wanted.until):
            more = True
            while more and len(items) <= limit:
                place = {"before": before[0], "before_id": before[1]} if before else {}
                window = {"low": low, "high": high, "limit": limit + 1}
                keys = await self._reader.rows("permission_keys", {**parameters, **window, **place})
                more = len(keys) > limit
                before = [keys[-1]["at_ns"], keys[-1]["event_id"]] if keys else before
                waiting += keys
                if len(items) + len(waiting) > limit:
                    items, waiting = items + await self._latest(waiting), []
            if len(items) > limit:
                break
        items += await self._latest(waiting)
        last = items[limit - 1][0] if len(items) > limit else None
        return {"items": [item for _, item in items[:limit]], "next": last and cursors.encode((last["at_ns"], last["event_id"]))}

    async def _escalations(self, wanted: PermissionFilter, parameters: Row, limit: int, before: list[Any] | None) -> dict[str, Any]:
        """Whether a check is one only the whole view knows: it is asked about the threads that have checks in a window of time."""
        rule = None if wanted.escalation in ("true", "false") else wanted.escalation
        parameters = {**parameters, "escalation": int(wanted.escalation != "false"), "rule": rule, "limit": limit + 1}
        parameters |= {"before": before[0], "before_id": before[1]} if before else {}
        items: list[Row] = []
        for low, high in self._windows(wanted, min(wanted.until, before[0]) if before else wanted.until):
            items += await self._reader.rows("permission_escalations", {**parameters, "low": low, "high": high})
            if len(items) > limit:
                break
        places = [(item.pop("at_ns"), item["event_id"]) for item in items]
        return {"items": items[:limit], "next": cursors.encode(places[limit - 1]) if len(items) > limit else None}

    async def _parameters(self, wanted: PermissionFilter) -> Row:
        return {
            "projects": await self._projects.meant(wanted.project),
            "granted": {"true": 1, "false": 0}.get(wanted.granted or ""),
            "pending": 1 if wanted.granted == "pending" else None,
            "thread_id": wanted.thread_id or None,
            "mcp_id": wanted.mcp_id or None,
            "user_id": wanted.user_id or None,
            "resource": wanted.resource or None,
        }

    def _windows(self, wanted: PermissionFilter, until: int) -> list[tuple[int, int]]:
        """One thread's checks lie together, so there is nothing to gain by parts."""
        if wanted.thread_id:
            return [(wanted.since, until)]
        return list(times.windows(wanted.since, until, times.now_ns()))

    async def _latest(self, keys: list[Row]) -> list[tuple[Row, Row]]:
        """The events behind `keys`, each with its key; without those about which something was said later."""
        if not keys:
            return []
        parameters = {
            "projects": sorted({key["project"] for key in keys}),
            "thread_ids": sorted({key["thread_id"] for key in keys}),
            "event_ids": sorted({key["event_id"] for key in keys}),
        }
        rows = await self._reader.rows("permissions_page", parameters)
        found = {(row["project"], row["thread_id"], row["event_id"]): row for row in rows}
        events = [(key, found.get((key["project"], key["thread_id"], key["event_id"]))) for key in keys]
        return [(key, event) for key, event in events if event and key["at_ns"] >= _latest_ns(event)]

    async def counts(self, project: str, thread_id: str) -> Row:
        """checks, granted, denied, pending, escalations of one thread."""
        names = await self._projects.meant(project)
        return await self._reader.first("permission_counts", {"projects": names, "thread_id": thread_id}) or {}


def _latest_ns(event: Row) -> int:
    return times.parse("timestamp", event["decided_at"] or event["timestamp"])
