"""Every measurement once, tiny, on the real system: it must go on working as the system changes."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import api, latency, probes, steady
from bench.errors import NotCompleteError, NotStartedError
from bench.ingest import ingest, result
from bench.processes import cpu_by_thread, cpu_seconds
from bench.sender import Plan
from bench.system import System, running

pytestmark = pytest.mark.slow
SECONDS = 60.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("bench") / "data") as system:
        yield system


def test_ingest_is_complete_to_the_last_step(system: System) -> None:
    before = system.counts()
    run = ingest(system, Plan(system.traces_url, 200, 50, seed=3, prefix="I"), before)
    assert system.counts() == (before[0] + run.sent.records, before[1] + run.sent.steps)
    assert run.per_cpu_second > 0
    assert {"receive, HTTP byte to answer", "append to the log, durable", "insert spans"} <= {stage for stage, _, _ in run.stages}
    assert [table.name for table in result([run]).tables] == ["ingest", "ingest-stages", "ingest-threads"]


def test_what_is_missing_is_said(system: System) -> None:
    with pytest.raises(NotCompleteError, match="1000000 steps"):
        system.wait_for(1_000_000, 1_000_000, 0.1)


def test_probes_arrive(system: System) -> None:
    for make, url, channel in (
        (probes.span, system.traces_url, f"thread:{latency.THREAD}"),
        (probes.log, system.logs_url, "logs:*"),
    ):
        seen = asyncio.run(latency.to_socket(system, make, url, channel, 3, 20.0))
        assert len(seen.arrived) == 3
        assert all(0 < second < SECONDS for second in seen.seconds())
    rows = asyncio.run(latency.to_rows(system, 1))
    assert all(math.isfinite(second) for second in (*rows.rows, *rows.threads))


def test_every_reading_is_answered(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ALONE", 2)
    readings = api.Readings(1, ["none"])
    asyncio.run(latency.to_rows(system, 1))
    found = asyncio.run(api.alone(system, readings))
    assert found.keys() == readings.paths().keys()
    assert all(len(one.seconds) == 2 for one in found.values())
    for times in (asyncio.run(api.paced(system, readings, 1.0)), asyncio.run(api.saturate(system, readings, 0.5))):
        assert times.all()
        assert {line.partition(" ")[0] for line in times.failed} <= {"404"}, "only threads that are not there"


def test_processes_are_looked_at_from_outside(system: System) -> None:
    assert system.memory_bytes() > 50 * 2**20
    assert 0 < sum(cpu_by_thread(system.info.pid).values()) <= cpu_seconds([system.info.pid]) + 1


def test_a_system_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotStartedError, match="mission-control up"), running(tmp_path / "data", store_cache_bytes="many"):
        pass


def test_growth_is_seen() -> None:
    flat, grown = (steady.Minute(10, 100, 0.01, 5.0, 0.1, 0.2), steady.Minute(20, 100, 0.01, 5.0, 0.1, 0.2))
    assert [figure.is_met for figure in steady._figures([flat] * 7)] == [True, True, True]
    assert [figure.is_met for figure in steady._figures([flat, flat, flat, flat, grown, grown, grown])] == [False, True, True]
