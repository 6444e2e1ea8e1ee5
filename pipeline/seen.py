"""What the store is known to have of message bodies and messages: forgets the oldest, and all at the turn of a day.

Forgetting costs an insert of a row that replaces itself; remembering too long would let a body expire under new rows.
"""

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from pipeline.batch import Fresh
from pipeline.context import MessageIdentity

SECONDS_PER_DAY: Final = 86_400


class SeenCache:
    """Shared by the processors of all signals; `capacity` bounds bodies and messages each."""

    def __init__(self, capacity: int = 100_000, clock: Callable[[], float] = time.time) -> None:
        self._capacity, self._clock = capacity, clock
        self._bodies: dict[tuple[str, bytes], None] = {}
        self._messages: dict[int, int] = {}
        self._day = self._today()
        self._lock = threading.Lock()

    def has_body(self, project: str, key: bytes) -> bool:
        return (project, key) in self._bodies

    def has_message(self, identity: MessageIdentity, at: int) -> bool:
        known = self._messages.get(hash(identity))
        return known is not None and known <= at

    def add(self, fresh: Fresh) -> None:
        """These are stored now."""
        with self._lock:
            if self._day != self._today():
                self._bodies, self._messages, self._day = {}, {}, self._today()
            self._bodies.update(dict.fromkeys(fresh.bodies))
            self._messages.update({hash(identity): at for identity, at in fresh.messages.items()})
            _trim(self._bodies, self._capacity)
            _trim(self._messages, self._capacity)

    def forget(self) -> None:
        """Rows were taken out of the tables: nothing is known to be there."""
        with self._lock:
            self._bodies, self._messages = {}, {}

    def _today(self) -> int:
        return int(self._clock() // SECONDS_PER_DAY)


def _trim(entries: dict[Any, Any], capacity: int) -> None:
    """The oldest go, all at once: a search for the first entry walks over every one deleted before it."""
    for key in list(islice(entries, max(len(entries) - capacity, 0))):
        del entries[key]
