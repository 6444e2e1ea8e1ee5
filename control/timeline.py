"""A thread's timeline: its steps in order, permission checks among them."""

from typing import Any, Final

from control import cursors
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
        place |= {"checks": 1} if thread["permission_checks"] else {}
        keys = await self._reader.rows("timeline_keys", {**thread, **place, "limit": limit + 1})
        page = keys[:limit]
        first = (after[2] if after else 0) + 1
        items = await self._items(thread, page)
        for sequence, item in enumerate(items, first):
            item["sequence"] = sequence
        last = page[-1] if len(keys) > limit else None
        return {"items": items, "next": last and cursors.encode((last["at_ns"], last["id"], first + len(page) - 1))}

    async def _items(self, thread: Row, keys: list[Row]) -> list[Row]:
        step_keys = [key for key in keys if not key["is_check"]]
        steps = await self._steps(thread, step_keys)
        standing = [key["id"] for key in step_keys if steps.get((key["trace_id"], key["id"]), {}).get("type") == "check_permission"]
        checks = [key["id"] for key in keys if key["is_check"]]
        permissions = await self._permissions(thread, checks, standing)
        items = []
        for key in keys:
            step = None if key["is_check"] else steps.get((key["trace_id"], key["id"]))
            check = permissions.get(("event", key["id"]) if key["is_check"] else ("step", key["id"]))
            item = _of_check(check) if step is None and check else step
            if item is not None:
                item["permission"] = check if item["type"] == "check_permission" else None
                items.append(item)
        await self._measure_depth(thread, items)
        await self._add_scores(thread, items)
        return items

    async def _steps(self, thread: Row, keys: list[Row]) -> dict[tuple[str, str], Row]:
        if not keys:
            return {}
        wanted = {"trace_ids": sorted({key["trace_id"] for key in keys}), "step_ids": [key["id"] for key in keys]}
        rows = await self._reader.rows("timeline_steps", {**thread, **wanted})
        return {(row["trace_id"], row["step_id"]): row for row in rows}

    async def _permissions(self, thread: Row, event_ids: list[str], step_ids: list[str]) -> dict[tuple[str, str], Row]:
        if not event_ids and not step_ids:
            return {}
        rows = await self._reader.rows("timeline_permissions", {**thread, "event_ids": event_ids, "step_ids": step_ids})
        found = {("step", row["step_id"]): row for row in rows}
        return found | {("event", row["event_id"]): row for row in rows}

    async def _add_scores(self, thread: Row, items: list[Row]) -> None:
        """A score belongs to the step whose span was judged, the outermost or one folded into it."""
        key = {"project": thread["project"], "thread_id": thread["thread_id"], "limit": MOST_SCORES}
        by_span: dict[str, list[Row]] = {}
        for score in await self._reader.rows("thread_scores", key) if items else []:
            by_span.setdefault(score["step_id"], []).append(score)
        for item in items:
            item["scores"] = [score for span in item.get("span_ids", ()) for score in by_span.get(span, ())]

    async def _measure_depth(self, thread: Row, items: list[Row]) -> None:
        parents = {item["step_id"]: item["parent_step_id"] for item in items}
        for _ in range(_DEEPEST):
            missing = sorted({parent for parent in parents.values() if parent and parent not in parents})
            if not missing:
                break
            rows = await self._reader.rows("step_parents", {**thread, "step_ids": missing})
            # A parent that is no step here (another thread's, a folded span) ends the chain.
            parents |= dict.fromkeys(missing, None) | {row["step_id"]: row["parent_step_id"] for row in rows}
        for item in items:
            item["depth"] = _depth(item["step_id"], parents)


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
