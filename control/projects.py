"""Which projects there are, and which of them a request means."""

import time
from typing import Final

from control.reader import Reader, Row

ALL: Final = "*"
_FRESH: Final = 2.0
"""Seconds for which the list of projects is not asked for again."""
_WHOLE: Final = 60.0
"""Seconds for which it is enough to ask for projects of threads and of the last two days' logs: those of older logs alone are not new."""


class Projects:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._names: list[str] = []
        self._older: list[str] = []
        self._asked = self._asked_whole = float("-inf")

    async def seen(self) -> list[Row]:
        """Every project with anything in it: project, threads (about: replaced rows may count twice for a while)."""
        return await self._reader.rows("projects", {})

    async def meant(self, project: str) -> list[str]:
        """The names behind `?project=`: itself, or every one for `*`."""
        if project != ALL:
            return [project]
        now = time.monotonic()
        if now - self._asked_whole > _WHOLE:
            self._older = self._names = _names(await self.seen())
            self._asked = self._asked_whole = now
        elif now - self._asked > _FRESH:
            lately = _names(await self._reader.rows("projects", {"days": 1}))
            self._names = sorted({*self._older, *lately})
            self._asked = now
        return self._names


def _names(rows: list[Row]) -> list[str]:
    return [str(row["project"]) for row in rows]
