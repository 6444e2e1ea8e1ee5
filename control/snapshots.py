"""What a first subscribe answers with: the state that the events after it change."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson

from control.channels import Channel, Kind
from control.errors import NotThereError, StoreAwayError
from control.logs import LogFilter
from control.permissions import PermissionFilter
from control.reader import Row
from control.readings import Readings
from control.stale import PATIENCE, LastAnswers, marked

_RUNNING: Final = 200
"""Running threads that a snapshot shows at most."""


class Snapshots:
    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._last: LastAnswers[dict[str, Any]] = LastAnswers()
        self._makers: dict[Kind, Callable[[Channel, LogFilter | None, int], Awaitable[dict[str, Any]]]] = {
            "global": self._running,
            "threads": self._running,
            "thread": self._thread,
            "mcp": self._mcp,
            "logs": self._logs,
            "permission": self._permissions,
        }

    async def take(self, channel: Channel, wanted: LogFilter | None, limit: int) -> dict[str, Any]:
        """`limit`: items of lists at most. While the store is away the last one, with `stale_since`. Raises BusyError."""
        key = repr((channel, wanted, limit))
        last = self._last.get(key)
        try:
            async with asyncio.timeout(None if last is None else PATIENCE):
                content = await self._makers[channel.kind](channel, wanted, limit)
        except (StoreAwayError, TimeoutError):
            if last is None:
                raise
            return dict(marked(last.content, last.since))
        self._last.put(key, content, len(orjson.dumps(content)))
        return content

    async def _running(self, channel: Channel, _: LogFilter | None, __: int) -> dict[str, Any]:
        return {"threads": await self._readings.threads.running(channel.project, _RUNNING)}

    async def _thread(self, channel: Channel, _: LogFilter | None, limit: int) -> dict[str, Any]:
        """Details, timeline and transcript so far; `next` leads to the rest by REST. A thread may begin later: then null."""
        thread_id = channel.subject
        place = await _unless_missing(self._readings.threads.place(channel.project, thread_id))
        if place is None:
            nothing: Row = {"items": [], "next": None}
            return {"thread": None, "timeline": nothing, "transcript": nothing}
        thread, timeline, transcript = await asyncio.gather(
            self._readings.threads.get(place["project"], thread_id),
            self._readings.timeline.page(place, limit, None),
            self._readings.transcript.page(place, limit, None),
        )
        return {"thread": thread, "timeline": timeline, "transcript": transcript}

    async def _mcp(self, channel: Channel, _: LogFilter | None, __: int) -> dict[str, Any]:
        return {"mcp": await _unless_missing(self._readings.fleet.health(channel.project, channel.subject))}

    async def _logs(self, channel: Channel, wanted: LogFilter | None, limit: int) -> dict[str, Any]:
        """The latest records, newest first."""
        page = await self._readings.logs.page(wanted or LogFilter(channel.project), limit, None)
        return {"logs": page["items"], "next": page["next"]}

    async def _permissions(self, channel: Channel, _: LogFilter | None, limit: int) -> dict[str, Any]:
        thread_id = "" if channel.subject == "*" else channel.subject
        page = await self._readings.permissions.page(PermissionFilter(channel.project, thread_id=thread_id), limit, None)
        return {"permissions": page["items"], "next": page["next"]}


async def _unless_missing(reading: Awaitable[Row]) -> Row | None:
    try:
        return await reading
    except NotThereError:
        return None
