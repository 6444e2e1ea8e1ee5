"""(f) A long, even load of small requests: whether parts, memory and the time of an insert stay where they are."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.generator import Generator
from bench.ingest import warm_up
from bench.parts import active_parts
from bench.sender import Plan
from bench.system import Samples, System, running
from bench.tables import Figure, Result, Table, milliseconds, number

REQUESTS, SPANS = 50, 10
"""A second, in each."""
MEBIBYTE: Final = 2**20
FLAT: Final = 1.3
"""By how much the last third may exceed the first."""


@dataclass(frozen=True)
class Minute:
    """One interval: parts of all tables at its end, mean seconds of an insert into `spans`, of a request, share of a core."""

    parts: int
    memory: int
    insert: float
    inserts: float
    round: float
    cpu: float


def measure(minutes: int, seconds: float = 60.0) -> Result:
    """`minutes` intervals of `seconds` each."""
    with tempfile.TemporaryDirectory(prefix="bench-steady-") as directory, running(Path(directory) / "data") as system:
        warm_up(system)
        spans = int(REQUESTS * SPANS * (minutes * seconds + 5))
        with Generator(Plan(system.traces_url, spans, SPANS, rate=REQUESTS, seed=40, prefix="S", age=0)) as generator:
            generator.wait_ready()
            generator.go()
            time.sleep(2)
            found = [_minute(system, seconds) for _ in range(minutes)]
    return Result([_table(found, seconds)], _figures(found))


def _minute(system: System, seconds: float) -> Minute:
    before, cpu, began = system.samples(), system.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    after, cpu, took = system.samples(), system.cpu_seconds() - cpu, time.monotonic() - began
    parts = sum(len(parts) for parts in active_parts(system.directory).values())
    insert, inserts = _mean(before, after, "pipeline_insert_seconds", "spans")
    round_, _ = _mean(before, after, "summary_round_seconds", "round")
    return Minute(parts, system.memory_bytes(), insert, inserts / took, round_, cpu / took)


def _mean(before: Samples, after: Samples, metric: str, label: str) -> tuple[float, float]:
    """(seconds per call, calls)"""
    count, total = (after.get((f"{metric}_{kind}", label), 0.0) - before.get((f"{metric}_{kind}", label), 0.0) for kind in ("count", "sum"))
    return (total / count if count else 0.0), count


def _table(found: Sequence[Minute], seconds: float) -> Table:
    rows = [
        [
            str(number_),
            str(one.parts),
            number(one.memory / MEBIBYTE),
            milliseconds(one.insert),
            number(one.inserts),
            milliseconds(one.round),
            f"{one.cpu:.2f}",
        ]
        for number_, one in enumerate(found, start=1)
    ]
    head = ("interval", "parts, all tables", "resident MiB", "ms an insert into spans", "inserts /s", "ms a round of summaries", "cores")
    return Table("steady", f"{REQUESTS} requests of {SPANS} spans a second, intervals of {seconds:.0f} s", head, rows)


def _figures(found: Sequence[Minute]) -> list[Figure]:
    """The mean of the last third over that of the first, after an interval to warm up."""
    settled = found[1:] if len(found) > 3 else found
    third = max(len(settled) // 3, 1)
    first, last = settled[:third], settled[-third:]

    def grown(values: Sequence[float], later: Sequence[float]) -> float:
        return (sum(later) / len(later)) / (sum(values) / len(values) or 1.0)

    return [
        Figure(
            "steady: parts, end over beginning", grown([one.parts for one in first], [one.parts for one in last]), "times", "most", FLAT
        ),
        Figure(
            "steady: memory, end over beginning", grown([one.memory for one in first], [one.memory for one in last]), "times", "most", FLAT
        ),
        Figure(
            "steady: insert time, end over beginning",
            grown([one.insert for one in first], [one.insert for one in last]),
            "times",
            "most",
            FLAT,
        ),
    ]
