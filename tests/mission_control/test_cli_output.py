"""Tables in a terminal that is too narrow for them."""

import io

import pytest
from rich.console import Console

from mission_control.commands.output import Fitting, cut, table

TITLES = ("!thread", "name", "!status", "?>took", "?>cost", "doing")
ROW = [
    "a-thread-with-a-long-id",
    cut("planner"),
    "running",
    "1 m 05 s",
    "$0.0123",
    cut("waits for execute tool:deploy.start on production"),
]


def printed(width: int, *rows: list[object]) -> list[str]:
    console = Console(width=width, file=io.StringIO(), markup=False)
    console.print(Fitting(TITLES, rows))  # type: ignore[arg-type]  # cells are str or Text
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("width", "left_out"), [(200, set()), (78, set()), (77, {"cost"}), (69, {"cost"}), (68, {"cost", "took"}), (60, {"cost", "took"})]
)
def test_what_can_be_done_without_goes_first(width: int, left_out: set[str]) -> None:
    titles, row = printed(width, ROW)
    assert {"took", "cost"} - set(titles.split()) == left_out
    assert row.startswith("a-thread-with-a-long-id  planner")
    assert "running" in row
    assert "waits" in row
    assert len(row) <= width


def test_a_table_without_rows_has_its_titles() -> None:
    assert printed(200)[0].split() == ["thread", "name", "status", "took", "cost", "doing"]


def test_a_line_keeps_what_stands_before_it_and_loses_its_end() -> None:
    console = Console(width=20, file=io.StringIO())
    console.print(table(("",), [[cut("a text of several words", before="    ")]]))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[1] == "    a text of sever…"
