"""What a command prints: JSON for programs, tables for people."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mission_control.commands.words import line

GAP: Final = 2
"""Columns between two cells."""
READABLE: Final = 16
"""Columns that a text needs to say anything."""
UNLIMITED: Final = 4000
"""Columns where no terminal sets a limit: nothing is cut for whoever reads the pipe."""
STYLES: Final = {
    "running": "cyan", "stalled": "yellow", "waiting": "yellow", "paused": "yellow", "complete": "green", "error": "red", "cancelled": "magenta",
    "allowed": "green", "denied": "red", "pending": "yellow", "connected": "green", "disconnected": "dim",
    "DEBUG": "dim", "INFO": "", "WARN": "yellow", "ERROR": "red", "ok": "green", "warn": "yellow", "fail": "bold red",
}  # fmt: skip
Cell = str | Text


class People(Console):
    """Never reads markup or emoji codes out of what it prints; colours only where a terminal takes them."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=False)
        if not self.is_terminal and not os.environ.get("COLUMNS"):
            self.width = UNLIMITED

    def on_broken_pipe(self) -> None:
        """Who read us has enough: whoever started the command decides what that means."""
        raise BrokenPipeError


def write_json(value: Any) -> None:
    """On a terminal indented, else on one line; ASCII alone, so that no text in it can act."""
    json.dump(value, sys.stdout, indent=2 if sys.stdout.isatty() else None, default=str)
    sys.stdout.write("\n")


def styled(word: str) -> Text:
    return Text(line(word), style=STYLES.get(word, ""), no_wrap=True)


def cut(value: Any, style: str = "", before: str | Text = "") -> Text:
    """One line that may lose its end when the terminal is narrow."""
    return Text.assemble(before, (line(value), style), no_wrap=True, overflow="ellipsis")


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """A column whose title begins with `>` is aligned right, with `!` is kept whole when space is short."""
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    for title in columns:
        right, whole = title.startswith(">"), title[:1] in (">", "!")
        made.add_column(title.lstrip(">!"), justify="right" if right else "left", no_wrap=whole)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(line(cell), no_wrap=True, overflow="ellipsis") for cell in row))
    return made


class Fitting:
    """A table that does without columns whose title begins with `?`, from the right, until each other has room enough to be read."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        self._columns = columns
        self._rows = [list(row) for row in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = list(range(len(self._columns)))
        for index in reversed([index for index in shown if self._columns[index].startswith("?")]):
            if sum(map(self._needed, shown)) + GAP * (len(shown) - 1) <= options.max_width:
                break
            shown.remove(index)
        titles = [self._columns[index].removeprefix("?") for index in shown]
        yield table(titles, [[row[index] for index in shown] for row in self._rows])

    def _needed(self, index: int) -> int:
        title = self._columns[index].removeprefix("?")
        widest = max(cell_len(str(text)) for text in (title.lstrip(">!"), *(row[index] for row in self._rows)))
        return widest if title[:1] in (">", "!") else min(widest, READABLE)


def facts(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """A table without titles."""
    made = table(columns, rows)
    made.show_header = False
    return made
