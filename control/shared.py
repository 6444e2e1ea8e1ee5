"""Answers that are costly and the same for everybody who asks within a moment: one asks the store, the others get what it got."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, Generic, TypeVar

Answer = TypeVar("Answer")
FRESH: Final = 2.0
"""Seconds for which an answer is good: what it tells is counted by the hour, or changes while it is read."""
_KEPT: Final = 100


class Shared(Generic[Answer]):
    """Whoever gets an answer must not change it."""

    def __init__(self, fresh: float = FRESH) -> None:
        self._fresh = fresh
        self._asked: dict[Hashable, tuple[float, asyncio.Task[Answer]]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """The answer for `key` that was asked for last, if it is fresh or on its way; else what `ask` answers. Failures are not kept."""
        at, task = self._asked.get(key, (float("-inf"), None))
        if task is None or (task.done() and (time.monotonic() - at > self._fresh or task.cancelled() or task.exception())):
            task = asyncio.ensure_future(ask())
            self._asked.pop(key, None)
            self._asked[key] = time.monotonic(), task
            if len(self._asked) > _KEPT:
                del self._asked[next(iter(self._asked))]
        # Who goes away takes the answer from nobody else.
        return await asyncio.shield(task)
