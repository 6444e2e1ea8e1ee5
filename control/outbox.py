"""What waits to be sent to one WebSocket client: bounded, so that a slow one costs nobody anything."""

import asyncio
from collections import deque
from dataclasses import dataclass

import orjson

from control import times


@dataclass(slots=True)
class Lost:
    """Events of one channel that found no room; `cursor` resumes before the first of them."""

    count: int
    cursor: str


class Outbox:
    """Belongs to the event loop. Answers always find room, because a client gets its next one only after the last."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._queue: deque[str] = deque()
        self._lost: dict[str, Lost] = {}
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def room(self) -> int:
        return self._capacity - len(self._queue)

    def say(self, text: str) -> None:
        self._queue.append(text)
        self._changed()

    def offer(self, label: str, text: str, cursor: str) -> bool:
        """Whether there was room; `cursor` is the channel's last one before this event.

        A channel that lost an event takes no more until the client has been told, else it would show a gap.
        """
        if label not in self._lost and self.room > 0:
            self.say(text)
            return True
        self.lose(label, 1, cursor)
        return False

    def lose(self, label: str, count: int, cursor: str) -> None:
        lost = self._lost.setdefault(label, Lost(0, cursor))
        lost.count += count
        self._changed()

    def forget(self, label: str) -> None:
        """The channel is no longer subscribed to, or begins anew."""
        self._lost.pop(label, None)

    async def next(self) -> str:
        """The next message; when all are sent and some were lost, who must resume from where."""
        while True:
            if self._queue:
                text = self._queue.popleft()
                self._changed()
                return text
            if self._lost:
                label = next(iter(self._lost))
                return dropped(label, self._lost.pop(label))
            self._filled.clear()
            await self._filled.wait()

    async def wait_for_room(self) -> None:
        await self._has_room.wait()

    def _changed(self) -> None:
        self._filled.set()
        if self.room > 0:
            self._has_room.set()
        else:
            self._has_room.clear()


def dropped(label: str, lost: Lost) -> str:
    message = {
        "type": "dropped",
        "channel": label,
        "payload": {"count": lost.count},
        "cursor": lost.cursor,
        "timestamp": times.iso(times.now_ns()),
    }
    return orjson.dumps(message).decode()
