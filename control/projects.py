"""Which projects there are, and which of them a request means."""

import time
from typing import Final

from control.reader import Reader, Row

ALL: Final = "*"
_FRESH: Final = 2.0
"""Seconds for which the list of projects is not asked for again."""


class Projects:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._names: list[str] = []
        self._asked = float("-inf")

    async def seen(self) -> list[Row]:
        """Every project with anything in it: project, threads (about: replaced rows may count twice for a while)."""
        return await self._reader.rows("projects", {})

    async def meant(self, project: str) -> list[str]:
        """The names behind `?project=`: itself, or every one for `*`."""
        if project != ALL:
            return [project]
        if time.monotonic() - self._asked > _FRESH:
            self._names = [str(row["project"]) for row in await self.seen()]
            self._asked = time.monotonic()
        return self._names
