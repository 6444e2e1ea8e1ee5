"""One client's interest in one channel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from control import times
from control.channels import Channel, fits
from control.logs import LogFilter
from control.outbox import Outbox
from schemas.events import Event

Texts = dict[tuple[str, int, str], str]
"""Messages of one commit by (label, event, cursor): the same message goes to many clients and is written once."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a commit: `seen` is the cursor of who saw it and not the next one."""

    event: Event
    seen: str


@dataclass(eq=False, slots=True)
class Subscription:
    """While `held` is a list, events gather there: the snapshot, or what was missed, goes out first."""

    channel: Channel
    filter: LogFilter | None
    outbox: Outbox
    cursor: str
    held: list[tuple[Event, str]] | None = None
    overflow: int = 0
    shown: set[str] = field(default_factory=set)
    """Ids of log records that the snapshot held already."""

    def wants(self, event: Event) -> bool:
        return self.filter is None or (event.type == "log" and fits(self.filter, event))

    def take(self, happenings: Sequence[Happening], after: str, texts: Texts) -> int:
        """Events of one commit, in order; `after` is the cursor behind the whole commit. Returns how many were lost.

        The last one carries `after`: who saw all of a commit that concerns it has seen the commit.
        """
        lost = 0
        for place, happening in enumerate(happenings, 1):
            cursor = after if place == len(happenings) else happening.seen
            if self.held is not None:
                lost += self._hold(happening.event, cursor)
            else:
                lost += not self._send(happening.event, cursor, texts)
        return lost

    def _hold(self, event: Event, cursor: str) -> int:
        assert self.held is not None
        if self.overflow or len(self.held) >= self.outbox.room:
            self.overflow += 1
            return 1
        self.held.append((event, cursor))
        return 0

    def _send(self, event: Event, cursor: str, texts: Texts) -> bool:
        key = (self.channel.label, id(event), cursor)
        text = texts.get(key) or texts.setdefault(key, render(self.channel.label, event, cursor))
        if not self.outbox.offer(self.channel.label, text, self.cursor):
            return False
        self.cursor = cursor
        return True

    def release(self) -> None:
        """Send what gathered, in order; from now on events go straight out."""
        held, self.held = self.held or [], None
        for event, cursor in held:
            if event.type != "log" or event.id not in self.shown:
                self._send(event, cursor, {})
        if self.overflow:
            self.outbox.lose(self.channel.label, self.overflow, self.cursor)
        self.overflow = 0
        self.shown.clear()


def render(label: str, event: Event, cursor: str) -> str:
    message: dict[str, Any] = {"type": "event", "channel": label, "event": event.type, "project": event.project, "id": event.id}
    message |= {"payload": event.payload, "cursor": cursor, "timestamp": times.iso(times.now_ns())}
    return orjson.dumps(message, default=str).decode()
