"""Whether the memory of each role stays flat under a steady load: `make soak`, SOAK_SECONDS long (600).

One broker, one of each role, the store behind ClickHouse's HTTP protocol. The load is the usual one, at a rate that leaves room. The first
quarter warms up (caches fill, arenas grow) and does not count. A straight line through the samples after it is flat when it rises by less
than allocators give and take.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import processes
from bench.generator import Generator
from bench.partitions import Place
from bench.sender import Plan
from bench.system import running
from bench.tables import Table, number, text
from tests import brokers
from tests.clickhouse.clickhouse_server import clickhouse_in

MIB: Final = 1024 * 1024
ROLES: Final = ("collect", "process", "serve")
SAMPLE_SECONDS: Final = 5.0
PER_REQUEST: Final = 50
FLAT_MIB: Final = 16.0
"""Over the counted part of the run: allocators give and take that much."""
FLAT_SHARE: Final = 0.05
Sample = tuple[float, float]
"""Seconds since the start, MiB resident."""


@dataclass(frozen=True)
class Held:
    """Memory of one process in the part of a run that counts; MiB."""

    name: str
    first: float
    last: float
    highest: float
    growth: float
    """Of a straight line through the samples, from its first to its last."""

    @property
    def is_flat(self) -> bool:
        return self.growth <= max(FLAT_MIB, FLAT_SHARE * self.first)

    def cells(self) -> list[str]:
        return [self.name, *map(number, (self.first, self.last, self.highest, self.growth)), "yes" if self.is_flat else "NO"]


def held(name: str, samples: Sequence[Sample]) -> Held:
    """Of samples in order of time, at least four."""
    counted = samples[len(samples) // 4 :]
    times, sizes = [at for at, _ in counted], [size for _, size in counted]
    slope, _ = statistics.linear_regression(times, sizes)
    return Held(name, sizes[0], sizes[-1], max(sizes), slope * (times[-1] - times[0]))


def result(found: Sequence[Held], seconds: float, spans: int) -> Table:
    head = ("process", "MiB after warm-up", "at the end", "highest", "growth of the trend", "flat")
    note = f"{seconds:.0f} s, {spans:,} spans in requests of {PER_REQUEST}; the first quarter is warm-up."
    return Table("soak", "Memory under a steady load", head, [one.cells() for one in found], note)


def watch(pids: Mapping[str, int], seconds: float) -> dict[str, list[Sample]]:
    """Sampled until the time is over."""
    samples: dict[str, list[Sample]] = {name: [] for name in pids}
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        for name, pid in pids.items():
            samples[name].append((now, processes.memory_bytes([pid]) / MIB))
        time.sleep(SAMPLE_SECONDS)
    return samples


def soak(root: Path, seconds: float, rate: float) -> tuple[list[Held], int]:
    """`rate` in spans per second. Returns what was held and how many spans were sent."""
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(brokers.running(root / "kafka"))
        store = stack.enter_context(clickhouse_in(root / "store"))
        place = Place(root, cluster.node, store, 2)
        place.migrate()
        roles = {name: stack.enter_context(running(root / name, role=name, **place.settings())) for name in ROLES}
        assert store.process is not None
        pids = {name: role.info.pid for name, role in roles.items()} | {"(the store)": store.process.pid}
        plan = Plan(roles["collect"].traces_url, int(rate * seconds), PER_REQUEST, rate=rate / PER_REQUEST, age=0, stream=True)
        generator = stack.enter_context(Generator(plan))
        generator.wait_ready()
        generator.go()
        samples = watch(pids, seconds)
        sent = generator.result(timeout=seconds + 300).records
        return [held(name, own) for name, own in samples.items()], sent


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SOAK_SECONDS", "600")))
    parser.add_argument("--rate", type=float, default=500.0, help="spans per second")
    given = parser.parse_args()
    if why := brokers.missing():
        print(f"make soak: {why}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        found, spans = soak(Path(directory), given.seconds, given.rate)
    print(text(result(found, given.seconds, spans)), flush=True)
    return 0 if all(one.is_flat for one in found if one.name in ROLES) else 1


if __name__ == "__main__":
    sys.exit(main())
