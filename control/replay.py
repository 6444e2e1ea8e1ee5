"""What a client missed, read back from the tables: rows whose place in the log lies between two positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

import orjson

from control import times
from control.channels import Channel
from control.logs import LogFilter
from control.position import Position
from control.reader import Reader, Row
from control.subscription import Subscription
from schemas.events import Event, EventType
from schemas.topics import LOGS, SPANS

Table = Literal["replay_logs", "replay_steps", "replay_messages", "replay_scores", "replay_permissions"]
_TABLES: Final[dict[str, tuple[tuple[Table, str], ...]]] = {
    "global": (("replay_permissions", SPANS), ("replay_permissions", LOGS)),
    "threads": (),
    "thread": (
        ("replay_steps", SPANS),
        ("replay_messages", SPANS),
        ("replay_scores", SPANS),
        ("replay_scores", LOGS),
        ("replay_permissions", SPANS),
        ("replay_permissions", LOGS),
    ),
    "mcp": (("replay_steps", SPANS), ("replay_permissions", SPANS), ("replay_permissions", LOGS)),
    "logs": (("replay_logs", LOGS),),
    "permission": (("replay_permissions", SPANS), ("replay_permissions", LOGS)),
}
_TYPES: Final[dict[Table, tuple[EventType, str]]] = {
    "replay_logs": ("log", "log_id"),
    "replay_steps": ("step", "step_id"),
    "replay_messages": ("message", "message_id"),
    "replay_scores": ("score", "score_id"),
    "replay_permissions": ("permission", "event_id"),
}
_NO_END: Final = 2**63 - 1
OLDEST_NS: Final = 24 * times.HOUR


class TooMuchError(Exception):
    """More was missed than one resume gives, or too long ago."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of one partition, from `low` up to but not including `high`."""

    topic: str
    partition: int
    low: int
    high: int


def stretches(topic: str, since: Position, until: Position) -> Iterator[Stretch]:
    """Partitions nobody told us of when the cursor was made are read from their beginning."""
    seen, now = since.offsets.get(topic, {}), until.offsets.get(topic, {})
    for partition in sorted(seen.keys() | now.keys()):
        low, high = seen.get(partition, 0), now.get(partition, _NO_END)
        if low < high:
            yield Stretch(topic, partition, low, high)


class Replay:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def missed(self, subscription: Subscription, since: Position, until: Position, most: int) -> list[tuple[Event, str]]:
        """Events with their cursors, in the order of the log, threads last. Raises TooMuchError, BusyError."""
        if until.time_ns - since.time_ns > OLDEST_NS:
            raise TooMuchError
        place, found = since, list[tuple[Event, Position]]()
        parts = [stretch for topic in (SPANS, LOGS) for stretch in stretches(topic, since, until)]
        for part in parts:
            events = await self._stretch(subscription, part, since, most + 1)
            found += [(event, place.at(part.topic, part.partition, offset, seen)) for event, offset, seen in events]
            if part.high < _NO_END:
                place = place.at(part.topic, part.partition, part.high)
            elif events:
                place = place.at(part.topic, part.partition, events[-1][1])
            if len(found) > most:
                raise TooMuchError
        for event, computed_ns in await self._threads(subscription.channel, since, until, most + 1 - len(found)):
            found.append((event, place))
            place = place.at_time(computed_ns)
        if len(found) > most:
            raise TooMuchError
        cursors = [f"{position.encode()}.0" for _, position in found]
        if cursors and all(part.high < _NO_END for part in parts):
            cursors[-1] = f"{until.encode()}.0"
        return [(event, cursor) for (event, _), cursor in zip(found, cursors, strict=True)]

    async def _stretch(self, subscription: Subscription, stretch: Stretch, since: Position, most: int) -> list[tuple[Event, int, int]]:
        """Events of all tables in the order of the log, with their offset and their number inside that record, from 1."""
        found: list[tuple[int, Event]] = []
        for table in (table for table, topic in _TABLES[subscription.channel.kind] if topic == stretch.topic):
            rows = await self._rows(table, stretch, subscription.channel, subscription.filter, most)
            found += [(row["log_offset"], _event(table, row)) for row in rows]
        found.sort(key=lambda one: one[0])  # stable: inside one record by table, and there as the query sorts
        numbered = [
            (event, offset, number) for offset, group in groupby(found, lambda one: one[0]) for number, (_, event) in enumerate(group, 1)
        ]
        if since.inside and since.inside[:2] == (stretch.topic, stretch.partition):
            return [one for one in numbered if one[1] > stretch.low or one[2] > since.inside[2]]
        return numbered

    async def _rows(self, table: Table, stretch: Stretch, channel: Channel, wanted: LogFilter | None, limit: int) -> list[Row]:
        parameters: dict[str, Any] = {
            "project": None if channel.project == "*" else channel.project,
            "topic": stretch.topic,
            "partition": stretch.partition,
            "low": stretch.low,
            "high": stretch.high,
            "limit": max(limit, 0),
            "thread_id": channel.subject if channel.kind in ("thread", "permission") and channel.subject != "*" else None,
            "mcp_id": channel.subject if channel.kind == "mcp" else None,
        }
        return await self._reader.rows(table, {**parameters, **_filter(wanted)})

    async def _threads(self, channel: Channel, since: Position, until: Position, limit: int) -> list[tuple[Event, int]]:
        """Threads that changed, with when that was computed; each once, as it is now."""
        if channel.kind in ("logs", "permission"):
            return []
        parameters = {
            "project": None if channel.project == "*" else channel.project,
            "thread_id": channel.subject if channel.kind == "thread" else None,
            "mcp_id": channel.subject if channel.kind == "mcp" else None,
            "low": since.time_ns,
            "high": until.time_ns,
            "limit": max(limit, 0),
        }
        rows = await self._reader.rows("replay_threads", parameters)
        # A cursor stands before its own instant, because several threads share one: better one twice than one never.
        return [(_thread_event(row), row.pop("computed_ns") - 1) for row in rows]


def _filter(wanted: LogFilter | None) -> dict[str, Any]:
    if wanted is None:
        return {}
    return {
        "levels": list(wanted.levels) or None,
        "thread_ids": list(wanted.thread_ids) or None,
        "mcp_ids": list(wanted.mcp_ids) or None,
        "services": list(wanted.services) or None,
        "q": wanted.q or None,
        "since": wanted.since,
        "until": wanted.until,
    }


def _event(table: Table, row: Row) -> Event:
    kind, key = _TYPES[table]
    payload = {name: value for name, value in row.items() if name not in ("log_offset", "message_id")}
    if kind == "message":
        payload["parts"] = orjson.loads(payload["parts"] or "[]")
    return Event(kind, row["project"], str(row[key]), payload, row["thread_id"], row.get("mcp_id", ""), row.get("level", ""))


def _thread_event(row: Row) -> Event:
    kind: EventType = "thread.updated" if row["status"] in ("running", "paused") else "thread.ended"
    return Event(kind, row["project"], row["thread_id"], row, row["thread_id"])
