"""What clients listen to, as the pipeline can use it: which channels have listeners, or had some a moment ago."""

import time
from collections.abc import Iterable
from typing import Final

from schemas.events import Interest

KEPT_SECONDS: Final = 60.0
"""Events of a channel are still built this long after its last listener left: it may only have lost its connection."""

Key = tuple[str, str]
"""(project or "*", canonical name of a channel)"""


class Interests:
    """Belongs to the event loop of the hub."""

    def __init__(self) -> None:
        self._until: dict[Key, float] = {}
        self._now: Interest | None = None

    def listen(self, key: Key) -> None:
        if key not in self._until:
            self._now = None
        self._until[key] = float("inf")

    def leave(self, key: Key) -> None:
        self._until[key] = time.monotonic() + KEPT_SECONDS

    def current(self) -> Interest | None:
        """None when nobody listens, nor did lately."""
        now = time.monotonic()
        for key in [key for key, until in self._until.items() if until < now]:
            del self._until[key]
            self._now = None
        if self._now is None and self._until:
            self._now = _interest(self._until.keys())
        return self._now if self._until else None


def covers(interest: Interest, key: Key) -> bool:
    """Whether events built for `interest` hold all that this channel carries."""
    project, name = key
    family, _, subject = name.partition(":")
    if family == "thread":
        return not interest.threads.isdisjoint({(project, subject), ("*", subject)})
    if family == "mcp":
        return not interest.mcps.isdisjoint({(project, subject), ("*", subject)})
    return interest.logs or family != "logs"


def _interest(keys: Iterable[Key]) -> Interest:
    named = [(project, *name.partition(":")[::2]) for project, name in keys]
    return Interest(
        frozenset((project, subject) for project, family, subject in named if family == "thread"),
        frozenset((project, subject) for project, family, subject in named if family == "mcp"),
        any(family == "logs" for _, family, _ in named),
    )
