"""What each stage of the distributed form costs, with 1, 2 and 4 partitions and as many processors: `python -m bench.partitions`.

One broker, one collector, one store (the embedded engine behind ClickHouse's HTTP protocol), all on this machine. CPU time of each
process from the first byte until the last summary; what the operating system does for the disk is in nobody's count.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import processes
from bench.errors import NotCompleteError
from bench.generator import Generator
from bench.needs import Assumptions, Costs, per_second
from bench.sender import Plan, Sent
from bench.system import System, running
from bench.tables import Table, number, text
from tests import brokers
from tests.clickhouse.clickhouse_server import ClickHouse, clickhouse_in

COUNTS: Final = (1, 2, 4)
COMPLETE_SECONDS: Final = 600.0
WAITS: Final = ("pipeline_lag_records", "summary_backlog_keys")
STAGES: Final = ("collect", "Kafka", "process", "store")


@dataclass(frozen=True)
class Run:
    """`cpu`: seconds by stage. `log_bytes`: what the broker's files grew by."""

    processors: int
    spans: int
    wire_bytes: int
    seconds: float
    cpu: Mapping[str, float]
    log_bytes: int

    def cost_us(self, stage: str) -> float:
        return self.cpu[stage] / self.spans * 1e6

    def costs(self, stored_bytes: float) -> Costs:
        """For the model, which takes stored bytes from elsewhere: a small run has hardly merged."""
        collect, kafka, process, store = map(self.cost_us, STAGES)
        return Costs(collect, kafka, process, store, self.wire_bytes / self.spans, self.log_bytes / self.spans, stored_bytes)


@dataclass(frozen=True)
class Place:
    """Where one run happens, and what its processes are told."""

    root: Path
    broker: brokers.Broker
    store: ClickHouse
    partitions: int

    def settings(self) -> dict[str, str]:
        return {
            "kafka_bootstrap_servers": self.broker.address,
            "kafka_topic_prefix": f"p{self.partitions}.",
            "kafka_partitions": str(self.partitions),
            "clickhouse_url": self.store.url,
        }

    def migrate(self) -> None:
        named = {f"MISSION_CONTROL_{name.upper()}": value for name, value in self.settings().items()}
        command = [sys.executable, "-m", "mission_control.main", "migrate", "--single-node"]
        subprocess.run(command, env=os.environ | named, check=True, capture_output=True)

    def log_bytes(self) -> int:
        prefix = f"p{self.partitions}.otlp_spans-"
        topics = (one for one in (self.broker.directory / "data").iterdir() if one.name.startswith(prefix))
        return sum(file.stat().st_size for topic in topics for file in topic.glob("*.log"))


def run(place: Place, spans: int, warm_up: int, per_request: int, scattered: int = 1, backlog: bool = False) -> Run:
    """Raises NotCompleteError."""
    place.migrate()
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(running(place.root / "collect", role="collect", **place.settings()))
        workers = [
            stack.enter_context(running(place.root / f"process-{number}", role="process", **place.settings()))
            for number in range(place.partitions)
        ]
        pids = _pids(place, door, workers)
        warm = _through(workers, Plan(door.traces_url, warm_up, per_request, seed=1, prefix="warm"), 0)
        processes.settle([pid for own in pids.values() for pid in own], 60)
        before, size, began = _cpu(pids), place.log_bytes(), time.monotonic()
        sent = _through(workers, Plan(door.traces_url, spans, per_request, seed=2, prefix="P", scattered=scattered), warm.records, backlog)
        seconds, after = time.monotonic() - began, _cpu(pids)
        used = {stage: after[stage] - before[stage] for stage in STAGES}
        return Run(place.partitions, sent.records, sent.bytes, seconds, used, place.log_bytes() - size)


def _pids(place: Place, door: System, workers: Sequence[System]) -> dict[str, list[int]]:
    assert place.broker.process is not None
    assert place.store.process is not None
    own = ([door.info.pid], [place.broker.process.pid], [worker.info.pid for worker in workers], [place.store.process.pid])
    return dict(zip(STAGES, own, strict=True))


def _cpu(pids: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {stage: processes.cpu_seconds(own) for stage, own in pids.items()}


def _through(workers: Sequence[System], plan: Plan, before: int, backlog: bool = False) -> Sent:
    """Send, and wait until every span is stored and summarised; `backlog`: the processors begin when all is sent."""
    with Generator(plan) as generator, _held(workers) if backlog else contextlib.nullcontext():
        generator.wait_ready()
        generator.go()
        sent = generator.result(timeout=COMPLETE_SECONDS)
    deadline = time.monotonic() + COMPLETE_SECONDS
    while (found := _stored(workers)) < before + sent.records:
        if time.monotonic() > deadline:
            raise NotCompleteError("spans", before + sent.records, int(found))
        time.sleep(0.2)
    return sent


@contextlib.contextmanager
def _held(workers: Sequence[System]) -> Iterator[None]:
    """They stand still meanwhile; for less than their session with the broker lasts."""
    for worker in workers:
        os.kill(worker.info.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker.info.pid, signal.SIGCONT)


def _stored(workers: Sequence[System]) -> float:
    """Rows of spans that are stored; 0 while anything waits."""
    samples = [worker.samples() for worker in workers]
    if sum(value for own in samples for (name, _), value in own.items() if name in WAITS):
        return 0.0
    return sum(own.get(("pipeline_inserted_rows_total", "spans"), 0.0) for own in samples)


def result(runs: Sequence[Run]) -> Table:
    """The model takes the costs of the first run and the cores that each run got: so the others check it."""
    costs = runs[0].costs(0)
    rows = [
        [
            str(one.processors),
            *(number(one.cost_us(stage)) for stage in STAGES),
            number(sum(one.cpu.values()) / one.spans * 1e6),
            number(one.spans / one.seconds),
            number(cores := sum(one.cpu.values()) / one.seconds),
            number(per_second(costs, one.processors, cores, Assumptions())),
        ]
        for one in runs
    ]
    head = ("partitions, processors", *(f"{stage} µs" for stage in STAGES), "all µs", "spans/s", "cores it got", "model, spans/s")
    note = f"{runs[0].spans:,} spans; {runs[0].wire_bytes / runs[0].spans:.0f} bytes each on the wire, {runs[0].log_bytes / runs[0].spans:.0f} in Kafka."
    return Table("partitions", "Cost of a span by stage, CPU time", head, rows, note)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.partitions", description=__doc__)
    parser.add_argument("--spans", type=int, default=30_000)
    parser.add_argument("--warm-up", type=int, default=3_000)
    parser.add_argument("--per-request", type=int, default=256)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--scattered", type=int, default=1, help="over so many requests the spans of a trace are spread")
    parser.add_argument("--backlog", action="store_true", help="processors begin when all is sent, so that their batches are full")
    given = parser.parse_args()
    if why := brokers.missing():
        sys.exit(why)
    runs = []
    with tempfile.TemporaryDirectory(prefix="bench-partitions-") as directory:
        root = Path(directory)
        with brokers.running(root / "kafka") as cluster:
            for count in given.counts:
                with clickhouse_in(root / f"store-{count}") as store:
                    place = Place(root / str(count), cluster.node, store, count)
                    place.root.mkdir()
                    runs.append(run(place, given.spans, given.warm_up, given.per_request, given.scattered, given.backlog))
                    print(text(result(runs)), flush=True)


if __name__ == "__main__":
    main()
