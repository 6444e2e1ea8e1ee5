"""A thread's timeline: its steps in order, permission checks among them."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final

from control import cursors
from control.permission_fold import Check, checks
from control.reader import Reader, Row
from control.threads import MOST_SCORES

_DEEPEST: Final = 64
"""Levels that are counted at most; deeper nesting (or a ring of parents) shows as this."""


class Timeline:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, thread: Row, limit: int, cursor: str | None) -> dict[str, Any]:
        """Oldest first; `thread` is what `Threads.place` said. `sequence` counts all items from 1, `depth` how many parents lie in the same thread.

        Permission checks are items of type check_permission with a `permission` object; `scores` are those of the step. Raises BadParameterError.
        """
        after = cursors.decode(cursor, int, str, int)
        place = {"after": after[0], "after_id": after[1]} if after else {}
        steps = await self._reader.rows("timeline_steps", {**thread, **place, "limit": limit + 1})
        whole = not after and len(steps) <= limit
        checks = await self._checks(thread, steps)
        missing = set() if whole else _missing(steps, checks)
        others = await self._others(thread, missing, checks) if missing or (checks and not whole) else []
        own = {(step["trace_id"], step["step_id"]) for step in (*steps, *others) if _is_check(step)}
        entries = sorted(_entries(steps, checks, own, (after[0], after[1]) if after else None), key=itemgetter(0, 1))
        page = entries[:limit]
        items = [item for _, _, item in page]
        # A parent that is no step here (another thread's, a folded span) ends the chain.
        parents = dict.fromkeys(missing, None) | {step["step_id"]: step["parent_step_id"] for step in (*others, *steps, *items)}
        await self._measure_depth(thread, items, parents, whole)
        await self._add_scores(thread, items)
        first = (after[2] if after else 0) + 1
        for sequence, item in enumerate(items, first):
            item["sequence"] = sequence
        last = page[-1] if len(entries) > limit else None
        return {"items": items, "next": last and cursors.encode((last[0], last[1], first + len(page) - 1))}

    async def _checks(self, thread: Row, steps: list[Row]) -> list[Check]:
        """All the thread's permission checks: what one is depends on those before."""
        if not thread["permission_checks"] and not any(map(_is_check, steps)):
            return []
        return await checks(self._reader, {"projects": [thread["project"]], "thread_id": thread["thread_id"]})

    async def _others(self, thread: Row, step_ids: set[str], checks: list[Check]) -> list[Row]:
        """These steps, and all that stand for checks, where there are any."""
        wanted = {"step_ids": sorted(step_ids), "checks": 1 if checks else None}
        return await self._reader.rows("timeline_others", {**thread, **wanted})

    async def _add_scores(self, thread: Row, items: list[Row]) -> None:
        """A score belongs to the step whose span was judged, the outermost or one folded into it."""
        key = {"project": thread["project"], "thread_id": thread["thread_id"], "limit": MOST_SCORES}
        by_span: dict[str, list[Row]] = {}
        for score in await self._reader.rows("thread_scores", key) if items else []:
            by_span.setdefault(score["step_id"], []).append(score)
        for item in items:
            item["scores"] = [score for span in item.get("span_ids", ()) for score in by_span.get(span, ())]

    async def _measure_depth(self, thread: Row, items: list[Row], parents: dict[str, str | None], whole: bool) -> None:
        """`parents` are those known; of a `whole` thread there are no others."""
        for _ in range(0 if whole else _DEEPEST):
            missing = {parent for parent in parents.values() if parent} - parents.keys()
            if not missing:
                break
            rows = await self._others(thread, missing, [])
            parents |= dict.fromkeys(missing, None) | {row["step_id"]: row["parent_step_id"] for row in rows}
        for item in items:
            item["depth"] = _depth(item["step_id"], parents)


def _is_check(step: Row) -> bool:
    return bool(step["type"] == "check_permission")


def _missing(steps: list[Row], checks: list[Check]) -> set[str]:
    """Steps in which those of a page, or checks, happened, and that are not among them."""
    named = {step["parent_step_id"] for step in steps} | {check.event["step_id"] for check in checks}
    return named - {step["step_id"] for step in steps} - {""}


def _entries(
    steps: list[Row], checks: list[Check], own: set[tuple[str, str]], after: tuple[int, str] | None
) -> Iterator[tuple[int, str, Row]]:
    """(time in ns, id, item) of the steps, and of those checks after `after` for which none of their `own` steps (trace, id) stands."""
    by_step = {check.event["step_id"]: check.event for check in checks}
    for step in steps:
        step["permission"] = by_step.get(step["step_id"]) if _is_check(step) else None
        yield step.pop("at_ns"), step["step_id"], step
    for check in checks:
        at = min((said["at_ns"] for said in check.said if (said["trace_id"], said["step_id"]) not in own), default=None)
        if at is not None and (after is None or (at, check.event["event_id"]) > after):
            yield at, check.event["event_id"], {**_of_check(check.event), "permission": check.event}


def _depth(step_id: str, parents: dict[str, str | None]) -> int:
    depth, parent = 0, parents.get(step_id)
    while parent and parents.get(parent) is not None and depth < _DEEPEST:
        depth, parent = depth + 1, parents[parent]
    return depth


def _of_check(check: Row) -> Row:
    """A permission check as an item of the timeline: its `step_id` is the event's id, its parent the step it guards."""
    return {
        "step_id": check["event_id"],
        "trace_id": check["evidence_trace_id"],
        "parent_step_id": check["step_id"],
        "type": "check_permission",
        "name": " ".join(part for part in (check["action"], check["resource"]) if part) or "permission check",
        "description": check["reason"],
        "status": "running" if check["granted"] is None else "complete",
        "started_at": check["timestamp"],
        "ended_at": check["decided_at"],
        "duration_ms": check["waited_ms"],
        "mcp_id": check["mcp_id"],
        "agent_name": check["agent_name"],
        "user_id": check["user_id"],
        "attributes": {},
    }
