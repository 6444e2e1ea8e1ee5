"""While the store is away: the last answers, marked with `stale_since`, from a bounded memory; fresh ones again as soon as it is back."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control import times
from control.problems import STORE_AWAY, answer

PATIENCE: Final = 10.0
"""Seconds that a store which hangs may keep a reader who could have the last answer instead."""
PROBE_SECONDS: Final = 1.0
"""While it is away, one reader in this time asks it again; all others get the last answer at once."""
MOST_BYTES: Final = 32 * 1024 * 1024
LARGEST: Final = 1024 * 1024
_REMEMBERED: Final = ("/api/threads", "/api/logs", "/api/mcps", "/api/permissions", "/api/overview", "/api/projects", "/api/alerts")
_STREAMED: Final = "/export"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """`since` is the ISO time at which `content` was true."""

    content: T
    size: int
    since: str


class LastAnswers(Generic[T]):
    """The answers that were asked for last; at most `most` bytes of them. Used from the event loop only."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[str, Kept[T]] = OrderedDict()

    def put(self, key: str, content: T, size: int) -> None:
        self.drop(key)
        if size > LARGEST:
            return
        self._kept[key] = Kept(content, size, times.iso(times.now_ns()))
        self._size += size
        while self._size > self._most:
            self.drop(next(iter(self._kept)))

    def get(self, key: str) -> Kept[T] | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def drop(self, key: str) -> None:
        if (before := self._kept.pop(key, None)) is not None:
            self._size -= before.size


class StaleAnswers:
    """In front of the routes, behind the gate: so only who may ask gets anything. Pure ASGI."""

    def __init__(self, app: ASGIApp, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._patience, self._clock = app, patience, clock
        self._answers: LastAnswers[bytes] = LastAnswers()
        self._away, self._next_probe = False, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_remembered(scope):
            return await self._app(scope, receive, send)
        key = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
        last = self._answers.get(key)
        if last is not None and self._away:
            if self._clock() < self._next_probe:
                return await _stale(last)(scope, receive, send)
            self._next_probe = self._clock() + PROBE_SECONDS + self._patience
        messages = await self._asked(scope, receive, None if last is None else self._patience)
        away = not messages or _header(messages[0], STORE_AWAY) != b""
        if away or messages[0]["status"] == 200:
            self._away, self._next_probe = away, self._clock() + PROBE_SECONDS
        if away and last is not None:
            return await _stale(last)(scope, receive, send)
        if messages[0]["status"] == 200:
            body = b"".join(message.get("body", b"") for message in messages[1:])
            self._answers.put(key, body, len(body))
        for message in messages:
            await send(message)
        return None

    async def _asked(self, scope: Scope, receive: Receive, patience: float | None) -> list[Message]:
        """The whole answer; empty when it took longer than `patience` seconds."""
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        try:
            async with asyncio.timeout(patience):
                await self._app(scope, receive, hold)
        except TimeoutError:
            return []
        return messages


def _is_remembered(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path = str(scope["path"])
    return path.startswith(_REMEMBERED) and not path.endswith(_STREAMED)


def _header(message: Message, name: str) -> bytes:
    return next((bytes(value) for key, value in message["headers"] if key == name.lower().encode()), b"")


def _stale(last: Kept[bytes]) -> ASGIApp:
    return answer(marked(orjson.loads(last.content), last.since))


def marked(content: Any, since: str) -> Any:
    """The content with its mark; lists without a place for one stay as they are."""
    return {**content, "stale_since": since} if isinstance(content, dict) else content
