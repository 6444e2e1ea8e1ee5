"""(d) Memory and CPU while nothing happens, fresh and with data, and the time from start to ready; (e) bytes on disk per span."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.dataset import Dataset
from bench.parts import active_parts, directory_bytes
from bench.system import System, running
from bench.tables import Figure, Result, Table, number

MEBIBYTE: Final = 2**20
QUIET_SECONDS: Final = 10.0
OTHER_SIGNALS: Final = ("log_records", "thread_activity", "permission_rows", "check_counts", "metric_points")
"""Tables that hold nothing of a span: the data set's logs and permission checks."""
_COUNT: Final = "SELECT count() FROM otel_traces WHERE project = 'default'"
"""Asked in parts: of ten million spans it takes longer than one query may."""


@dataclass(frozen=True)
class Idle:
    """`cpu` is the share of one core while nobody asks; `memory` in bytes."""

    name: str
    started_in: float
    memory: int
    cpu: float


def _idle(system: System, name: str, seconds: float) -> Idle:
    time.sleep(QUIET_SECONDS)
    cpu, began = system.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return Idle(name, system.started_in, system.memory_bytes(), (system.cpu_seconds() - cpu) / (time.monotonic() - began))


def memory(dataset: Dataset, seconds: float) -> Result:
    """Fresh, then on the data set, `seconds` of rest each."""
    with tempfile.TemporaryDirectory(prefix="bench-idle-") as directory, running(Path(directory) / "data") as system:
        fresh = _idle(system, "fresh", seconds)
    with running(dataset.data) as system:
        full = _idle(system, f"{number(dataset.spans)} spans, started anew", seconds)
    rows = [[one.name, number(one.started_in), number(one.memory / MEBIBYTE), f"{one.cpu * 100:.1f}"] for one in (fresh, full)]
    rows.append([f"{number(dataset.spans)} spans, right after they came in", "", number(dataset.memory / MEBIBYTE), ""])
    most = max(full.memory, dataset.memory)
    figures = [
        Figure("start to ready, existing data", full.started_in, "s", "most", 4),
        Figure("memory, fresh and idle", fresh.memory / MEBIBYTE, "MiB", "most", 500e6 / MEBIBYTE),
        Figure(f"memory, {number(dataset.spans)} spans", most / MEBIBYTE, "MiB", "most", 1e9 / MEBIBYTE),
        Figure("CPU, fresh and idle", fresh.cpu * 100, "% of a core", "most", 3),
        Figure("CPU, idle with data", full.cpu * 100, "% of a core", "most", 3),
    ]
    head = ("", "start to ready, s", "resident MiB", "% of a core, idle")
    return Result([Table("memory", "Memory and CPU at rest", head, rows)], figures)


def disk(dataset: Dataset) -> Result:
    """Of the parts that queries read, after a while in which merges ended; nothing is asked to merge."""
    with running(dataset.data) as system:
        _wait_quiet(system)
        spans = sum(system.number(f"{_COUNT} AND startsWith(TraceId, '{digit}')") for digit in "0123456789abcdef")
        tables = active_parts(dataset.data)
        whole, log = directory_bytes(dataset.data / "store"), directory_bytes(dataset.data / "log")
    sizes = {name: sum(part.size for part in parts) for name, parts in tables.items() if parts}
    rows = [
        [name, number(len(tables[name])), number(size / MEBIBYTE), number(size / spans)]
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
        if size / spans >= 0.05
    ]
    of_spans = sum(size for name, size in sizes.items() if name not in OTHER_SIGNALS)
    rows.append(["all of spans", "", number(of_spans / MEBIBYTE), number(of_spans / spans)])
    note = (
        f"{number(spans)} spans; with {number(dataset.logs)} log records and {number(dataset.permissions)} permission checks,"
        f" which are not counted in the last line. The whole store, merged parts that are kept for a while included, takes"
        f" {number(whole / MEBIBYTE)} MiB, the log {number(log / MEBIBYTE)} MiB."
    )
    table = Table("disk", "Disk", ("table", "parts", "MiB", "bytes a span"), rows, note)
    return Result([table], [Figure("disk, all tables of spans", of_spans / spans, "bytes a span", "most", 200)])


def _wait_quiet(system: System, longest: float = 120.0) -> None:
    """Until two looks ten seconds apart find little work."""
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        cpu = system.cpu_seconds()
        time.sleep(QUIET_SECONDS)
        if system.cpu_seconds() - cpu < QUIET_SECONDS / 20:
            return
