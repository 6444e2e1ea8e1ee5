"""A data directory with a known load, built once and used again."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from bench.copies import multiply
from bench.generator import send
from bench.sender import Plan
from bench.system import System, running

LONG_THREAD: Final = "bench long"
LONG_STEPS: Final = 10_000
PREFIX: Final = "D"
NAME: Final = "dataset.json"
TURN_SPANS, TURN_SECONDS = 8.5, 0.0105
"""Of the generator: how far its clock moves."""
PATTERN_SPANS: Final = 250_000
"""So many come in at most; what a larger data set has more is copied from them."""
DAYS: Final = 90
"""Over which the copies lie, before what came in."""
SLOWEST: Final = 500
"""Spans per second below which building is given up."""


@dataclass(frozen=True)
class Dataset:
    """`threads` are named `D-000001` to their number, beside the long one."""

    directory: Path
    spans: int
    steps: int
    threads: int
    logs: int
    permissions: int
    memory: int
    """Bytes resident right after what came in did so, in one go."""

    @property
    def data(self) -> Path:
        return self.directory / "data"


@contextlib.contextmanager
def place(directory: Path | None) -> Iterator[Path]:
    """The directory, made where it is missing; without one a temporary one that goes again."""
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="bench-data-") as temporary:
        yield Path(temporary)


def prepared(root: Path, spans: int) -> Dataset:
    """The data set of this size below `root`: the one that is there, or a new one."""
    directory = root / f"{spans}-spans"
    found = directory / NAME
    if found.exists():
        return Dataset(directory, **json.loads(found.read_text()))
    shutil.rmtree(directory, ignore_errors=True)  # what a run that did not end left behind
    directory.mkdir(parents=True)
    pattern = min(spans, PATTERN_SPANS)
    with running(directory / "data") as system:
        dataset = _build(system, directory, pattern)
    dataset = multiplied(dataset, round((spans - pattern) / pattern))
    values = asdict(dataset)
    del values["directory"]
    found.write_text(json.dumps(values))
    return dataset


def _build(system: System, directory: Path, spans: int) -> Dataset:
    """Large requests, because only the outcome matters here."""
    limit = spans / SLOWEST + 300
    age = spans / TURN_SPANS * TURN_SECONDS + 600
    sent = send(Plan(system.traces_url, spans, 1024, seed=30, prefix=PREFIX, age=age, stream=True), limit)
    long = send(Plan(system.traces_url, LONG_STEPS, 512, seed=31, prefix=LONG_THREAD, signal="thread"), limit)
    total, steps = sent.records + long.records, sent.steps + long.steps
    system.wait_for(total, steps, limit)
    threads = system.number(f"SELECT count() FROM threads WHERE thread_id LIKE '{PREFIX}-%'")
    logs = send(Plan(system.logs_url, spans // 10, 512, seed=32, prefix=PREFIX, threads=threads, signal="logs"), limit)
    permissions = send(Plan(system.logs_url, spans // 100, 512, seed=33, prefix=PREFIX, threads=threads, signal="permissions"), limit)
    return Dataset(directory, total, steps, threads, logs.records, permissions.records, system.memory_bytes())


def multiplied(dataset: Dataset, copies: int) -> Dataset:
    """With so many copies of all threads but the long one; the system must not run."""
    if not copies:
        return dataset
    spans, steps = multiply(dataset.data / "store", dataset.threads, copies, DAYS, LONG_THREAD)
    times = copies + 1
    return replace(
        dataset,
        spans=spans,
        steps=steps,
        threads=dataset.threads * times,
        logs=dataset.logs * times,
        permissions=dataset.permissions * times,
    )
