"""One search over threads, logs and entities."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from control.fleet import Fleet
from control.logs import LogFilter, Logs
from control.reader import Row
from control.threads import ThreadFilter, Threads

LONGEST_TITLE: Final = 100
_AROUND: Final = 60
"""Characters shown on either side of what was found."""


class Search:
    def __init__(self, threads: Threads, logs: Logs, fleet: Fleet) -> None:
        self._threads = threads
        self._logs = logs
        self._fleet = fleet

    async def find(self, q: str, project: str, types: tuple[str, ...], since: int, until: int, limit: int) -> dict[str, Any]:
        """At most `limit` results, the kinds in turn so that none hides the others."""
        searches: dict[str, Callable[[], Awaitable[list[Row]]]] = {
            "thread": partial(self._find_threads, q, project, since, until, limit),
            "log": partial(self._find_logs, q, project, since, until, limit),
            "entity": partial(self._find_entities, q, project, limit),
        }
        found = await asyncio.gather(*(searches[kind]() for kind in searches if kind in types))
        deepest = max((len(results) for results in found), default=0)
        in_turn = [results[place] for place in range(deepest) for results in found if place < len(results)]
        return {"items": in_turn[:limit], "next": None}

    async def _find_threads(self, q: str, project: str, since: int, until: int, limit: int) -> list[Row]:
        page = await self._threads.page(ThreadFilter(project, q=q, since=since, until=until), limit, None)
        return [
            result("thread", row["project"], row["thread_id"], row["user_input"] or row["name"] or row["thread_id"], q, row["started_at"])
            for row in page["items"]
        ]

    async def _find_logs(self, q: str, project: str, since: int, until: int, limit: int) -> list[Row]:
        page = await self._logs.page(LogFilter(project, q=q, since=since, until=until), limit, None)
        return [
            {**result("log", row["project"], row["log_id"], row["message"], q, row["timestamp"]), "thread_id": row["thread_id"]}
            for row in page["items"]
        ]

    async def _find_entities(self, q: str, project: str, limit: int) -> list[Row]:
        page = await self._fleet.entities(project, {"q": q}, limit, None)
        return [result("entity", row["project"], row["entity_id"], row["name"], q, row["modified_at"]) for row in page["items"]]


def result(kind: str, project: str, identity: str, text: str, q: str, time: str) -> Row:
    """`highlight` is [start, end) of the find in `title`, in characters; null where the title does not show it."""
    place = text.lower().find(q.lower())
    begin = max(0, place - _AROUND) if place + len(q) > LONGEST_TITLE else 0
    title = text[begin : begin + LONGEST_TITLE].replace("\n", " ")
    shown = place >= 0 and place - begin + len(q) <= len(title)
    highlight = [place - begin, place - begin + len(q)] if shown else None
    return {"type": kind, "id": identity, "title": title, "project": project, "highlight": highlight, "time": time}
