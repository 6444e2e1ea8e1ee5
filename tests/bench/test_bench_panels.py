"""What is said of panels' costs, and of those that fail."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from bench import panels
from bench.__main__ import run
from bench.errors import PanelsError
from bench.panels import RANGES, Cost, report
from bench.system import System
from bench.tables import Result
from tests.dashboards.grafana_queries import Job, Page

COSTS = [Cost(f"Fleet / {number} / A", span, number / 100, number / 1000) for span in RANGES for number in range(1, 21)]
BROKEN = Cost("Fleet / Slow / A", "90 days", error="Code: 159. TIMEOUT_EXCEEDED")


def test_cpu_time_counts() -> None:
    result = report(1_000_000, COSTS)
    spread, dearest = result.tables
    assert [row[:5] for row in spread.rows] == [[span, "20", "10", "19", "20"] for span in RANGES]
    assert dearest.rows[0] == ["Fleet / 20 / A", "6 hours", "20", "200"]
    assert len(dearest.rows) == panels.SLOWEST
    assert [(round(figure.value), figure.is_met) for figure in result.figures] == [(19, True), (19, True)]


def test_what_fails_is_named_and_the_others_are_told() -> None:
    with pytest.raises(PanelsError) as caught:
        report(1_000_000, [*COSTS, BROKEN])
    assert caught.value.result == report(1_000_000, COSTS)
    assert str(caught.value).splitlines() == ["1 queries of panels failed", "Fleet / Slow / A, 90 days: Code: 159. TIMEOUT_EXCEEDED"]


def test_a_range_in_which_nothing_was_answered_has_no_figures() -> None:
    with pytest.raises(PanelsError) as caught:
        report(1_000_000, [BROKEN, *(cost for cost in COSTS if cost.span != BROKEN.span)])
    assert caught.value.result == Result([])


def test_the_command_prints_both_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    tables, errors = run({"panels": lambda: report(1_000_000, [*COSTS, BROKEN])}, ["panels"])
    assert [table.name for table in tables] == ["panels", "panels-slowest", "figures-panels"]
    assert errors == ["panels: 1 queries of panels failed\nFleet / Slow / A, 90 days: Code: 159. TIMEOUT_EXCEEDED"]
    assert "Fleet / Slow / A, 90 days" in capsys.readouterr().out


class _Idle:
    """A system as far as its CPU time and its port."""

    class info:
        sql = "http://127.0.0.1:1/"

    def cpu_seconds(self) -> float:
        return 0.0


def test_a_program_that_dies_is_an_answer_too(tmp_path: Path) -> None:
    """As where it could not be started, or was ended."""
    program = tmp_path / "panelrun"
    program.write_text("#!/bin/sh\necho 'unsupported value' >&2\nexit 1\n")
    program.chmod(0o700)
    now = datetime.now(UTC)
    job = Job("Capacity / Records a day / A", "stat", "SELECT 1", 1)
    cost = panels.cost_of(cast(System, _Idle()), program, job, "6 hours", Page(now, now, 1000, {}))
    assert cost.name == job.name
    assert "exit status 1" in cost.error
    assert "unsupported value" in cost.error


def test_an_answer_that_is_an_error_is_kept_and_one_that_is_none_is_timed(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    page, job = Page(now, now, 1000, {}), Job("Capacity / Disk / A", "stat", "SELECT 1", 1)
    found = {}
    for word in ("", "no such column"):
        program = tmp_path / f"panelrun{word[:2]}"
        program.write_text(f'#!/bin/sh\necho \'{{"sql": "", "error": "{word}", "ms": 12.5, "frames": []}}\'\n')
        program.chmod(0o700)
        found[word] = panels.cost_of(cast(System, _Idle()), program, job, "6 hours", page)
    assert found["no such column"] == Cost(job.name, "6 hours", error="no such column")
    assert found[""] == Cost(job.name, "6 hours", 0.0125, 0.0)
