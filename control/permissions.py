"""Permission checks: what agents asked for, and what they were allowed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from control import cursors, times
from control.permission_fold import Check, checks
from control.projects import Projects
from control.reach import Reach
from control.reader import Reader, Row
from control.times import BEGINNING, END

Granted = Literal["true", "false", "pending"]
Escalation = Literal["true", "false", "asked_beyond_held", "denied_above", "stated", "auto_accept", "allowed_after_denial", "new_for_agent"]
"""Whether it is one; or one by this rule."""
Page = dict[str, Any]
Placed = tuple[int, Check]
"""A check and when (ns) the statement was made by which it was found."""


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
        self._reach: Reach[PermissionFilter] = Reach()

    async def page(self, wanted: PermissionFilter, limit: int, cursor: str | None) -> Page:
        """Latest statement (decision, else question) first. Raises BadParameterError."""
        before = cursors.decode(cursor, int, str)
        parameters = await self._parameters(wanted)
        if wanted.escalation:
            return await self._escalations(wanted, parameters, limit, before)
        if wanted.thread_id:
            found = await checks(self._reader, {**parameters, "low": wanted.since, "high": wanted.until, **_place(before)})
            return _page(_matched(found), limit)
        return _page(await self._newest(wanted, parameters, limit + 1, before), limit)

    async def of_thread(self, wanted: PermissionFilter, limit: int, cursor: str | None) -> Page:
        """The page of one thread with `counts` of all its checks: checks, granted, denied, pending, escalations. Raises BadParameterError."""
        before = cursors.decode(cursor, int, str)
        parameters = await self._parameters(wanted)
        found = await checks(self._reader, {**parameters, "low": wanted.since, "high": wanted.until, **_place(before)})
        page = await self._escalations(wanted, parameters, limit, before) if wanted.escalation else _page(_matched(found), limit)
        return {**page, "counts": _counts([check.event for check in found])}

    async def _newest(self, wanted: PermissionFilter, parameters: Row, count: int, before: list[Any] | None) -> list[Placed]:
        """At least `count` checks, unless there are fewer, from as many windows of time as it takes."""
        items: list[Placed] = []
        kind, until, oldest = (
            replace(wanted, since=BEGINNING, until=END),
            min(wanted.until, before[0]) if before else wanted.until,
            wanted.since,
        )
        for low, high in self._reach.windows(kind, wanted.since, until):
            more = True
            while more and len(items) < count:
                window = {"low": low, "high": high, "limit": count, **_place(before)}
                found = _by_time(await checks(self._reader, {**parameters, **window}))[:count]
                more = len(found) == count
                before = [found[-1][0], found[-1][1].event["event_id"]] if found else before
                items += _still(found)
            if len(items) >= count:
                oldest = items[count - 1][0]
                break
        self._reach.reached(kind, until, oldest)
        return items

    async def _escalations(self, wanted: PermissionFilter, parameters: Row, limit: int, before: list[Any] | None) -> Page:
        """Whether a check is one only the whole view knows: it is asked about the threads that have checks in a window of time."""
        rule = None if wanted.escalation in ("true", "false") else wanted.escalation
        parameters = {**parameters, "escalation": int(wanted.escalation != "false"), "rule": rule, "limit": limit + 1}
        parameters |= {"before": before[0], "before_id": before[1]} if before else {}
        items: list[Row] = []
        until = min(wanted.until, before[0]) if before else wanted.until
        windows = [(wanted.since, until)] if wanted.thread_id else times.windows(wanted.since, until, times.now_ns())
        for low, high in windows:
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


def _place(before: list[Any] | None) -> Row:
    return {"before": before[0], "before_id": before[1]} if before else {}


def _by_time(found: Sequence[Check]) -> list[Placed]:
    """Checks of which a statement matched, each with when that was made, newest first."""
    placed = [(check.matched_ns, check) for check in found]
    matched = [(at, check) for at, check in placed if at is not None]
    return sorted(matched, key=lambda item: (item[0], item[1].event["event_id"]), reverse=True)


def _still(placed: Sequence[Placed]) -> list[Placed]:
    """Those about which nothing was said later that counts."""
    return [(at, check) for at, check in placed if at >= check.latest_ns]


def _matched(found: Sequence[Check]) -> list[Placed]:
    return _still(_by_time(found))


def _page(items: Sequence[Placed], limit: int) -> Page:
    last = items[limit - 1] if len(items) > limit else None
    return {"items": [check.event for _, check in items[:limit]], "next": last and cursors.encode((last[0], last[1].event["event_id"]))}


def _counts(events: Sequence[Row]) -> Row:
    """How the checks came out."""
    granted = [event["granted"] for event in events]
    outcomes = {"granted": granted.count(1), "denied": granted.count(0), "pending": granted.count(None)}
    return {"checks": len(events), **outcomes, "escalations": sum(event["escalation_detected"] for event in events)}
