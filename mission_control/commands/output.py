"""What a command prints: JSON for programs, tables for people."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mission_control.commands.words import line

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


def cut(value: Any, style: str = "") -> Text:
    """One line that may lose its end when the terminal is narrow."""
    return Text(line(value), style=style, no_wrap=True, overflow="ellipsis")


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """A column whose title begins with `>` is aligned right, with `!` is kept whole when space is short."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for title in columns:
        right, whole = title.startswith(">"), title[:1] in (">", "!")
        made.add_column(title.lstrip(">!"), justify="right" if right else "left", no_wrap=whole)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(line(cell), no_wrap=True, overflow="ellipsis") for cell in row))
    return made


def facts(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """A table without titles."""
    made = table(columns, rows)
    made.show_header = False
    return made
