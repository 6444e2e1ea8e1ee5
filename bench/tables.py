"""What a measurement says, as tables for the terminal and for `docs/benchmarks.md`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Table:
    """`name` is its place in the page, between two markers of that name. Cells are text, ready to read."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """One number that was promised; `bound` is what it may be at most or must be at least."""

    what: str
    value: float
    unit: str
    side: Literal["most", "least"]
    bound: float

    @property
    def is_met(self) -> bool:
        return self.value <= self.bound if self.side == "most" else self.value >= self.bound

    def cells(self) -> list[str]:
        sign = "≤" if self.side == "most" else "≥"
        return [self.what, f"{number(self.value)} {self.unit}".strip(), f"{sign} {number(self.bound)}", "yes" if self.is_met else "no"]


@dataclass(frozen=True)
class Result:
    tables: Sequence[Table]
    figures: Sequence[Figure] = field(default=())


def number(value: float) -> str:
    """Three significant digits below a thousand, whole numbers with separators above; what never happened is infinite."""
    if math.isinf(value):
        return "never"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == int(value):
        return str(int(value))
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def milliseconds(seconds: float) -> str:
    return number(seconds * 1e3)


def figures_table(name: str, figures: Sequence[Figure]) -> Table:
    return Table(name, "Figures to reach", ("figure", "measured", "to reach", "met"), [figure.cells() for figure in figures])


def markdown(table: Table) -> str:
    lines = [f"**{table.title}**", "", "| " + " | ".join(table.head) + " |", "|" + "---|" * len(table.head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def text(table: Table) -> str:
    """For the terminal, in columns."""
    rows = [list(table.head), *[list(row) for row in table.rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([table.title, *("  " + line for line in lines), *([f"  {table.note}"] if table.note else [])])
