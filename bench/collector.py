"""Ourselves beside the OpenTelemetry Collector around one broker: OTLP into Kafka, and out of Kafka into the engine."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench import processes, stored
from bench.errors import NotCompleteError, NotStartedError, PeerMissingError
from bench.generator import Generator
from bench.kafka import Topics, broker
from bench.sender import Plan, Sent
from bench.system import System, running
from bench.tables import Figure, Result, Table, number
from tests import otelcol

CONFIGS: Final = Path(__file__).with_name("otelcol")
WARM_UP: Final = 5_000
PER_REQUEST: Final = 256
COMPLETE_SECONDS: Final = 300.0
COLLECT_TO_REACH: Final = 90_000
STORE_TO_REACH: Final = 1.0


@dataclass(frozen=True)
class Done:
    """One load through one stage of one system; `cpu` is of all its processes."""

    name: str
    sent: Sent
    seconds: float
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.sent.records / self.cpu

    def cells(self, ours: "Done") -> list[str]:
        spans = self.sent.records
        rates = (spans / self.seconds, self.per_cpu_second, self.cpu / spans * 1e6, ours.per_cpu_second / self.per_cpu_second)
        return [self.name, number(spans), *map(number, rates)]


@dataclass(frozen=True)
class Stage:
    """Something under load: where the load goes in, whose CPU time counts, and how many spans have left it by now."""

    name: str
    url: str
    pids: Sequence[int]
    left: Callable[[], float]

    def under(self, spans: int) -> tuple[Done, Done]:
        """Warmed up, then at rest, then under this many spans: both passes."""
        warm = self._pass(Plan(self.url, WARM_UP, PER_REQUEST, seed=1, prefix="warm"), 0)
        processes.settle(self.pids, 30)
        return warm, self._pass(Plan(self.url, spans, PER_REQUEST, seed=10, prefix="K"), warm.sent.records)

    def _pass(self, plan: Plan, before: int) -> Done:
        with Generator(plan) as generator:
            generator.wait_ready()
            cpu, began = processes.cpu_seconds(self.pids), time.monotonic()
            generator.go()
            sent = generator.result(timeout=600)
            self._await(before + sent.records)
            return Done(self.name, sent, time.monotonic() - began, processes.cpu_seconds(self.pids) - cpu)

    def _await(self, expected: int) -> None:
        deadline = time.monotonic() + COMPLETE_SECONDS
        while (found := self.left()) < expected:
            if time.monotonic() > deadline:
                raise NotCompleteError(f"spans through {self.name}", expected, int(found))
            time.sleep(0.1)


def measure(spans: int) -> Result:
    """Raises BenchError where the Collector is not built or no broker can be had."""
    if not otelcol.is_built():
        raise PeerMissingError("the OpenTelemetry Collector", "`make collector` builds it")
    with broker() as bootstrap, tempfile.TemporaryDirectory(prefix="bench-collector-") as place:
        root = Path(place)
        collected, theirs_in = _collecting(root, Topics(bootstrap, "in."), spans)
        processed, theirs_out = _storing(root, Topics(bootstrap, "out."), spans)
    return result(((collected, theirs_in), (processed, theirs_out)))


def _collecting(root: Path, topics: Topics, spans: int) -> tuple[Done, Done]:
    """Nobody reads these topics meanwhile."""
    topics.create(data_dir=str(root / "migrate"))
    with running(root / "collect", role="collect", **topics.settings()) as door:
        ours = acknowledged("Mission Control, `collect`", door.traces_url, door.info.pid).under(spans)[1]
    with _collector(root / "their-collect", "collect", topics) as (url, pid):
        name = "OpenTelemetry Collector, OTLP receiver → Kafka exporter"
        return ours, acknowledged(name, url + "/v1/traces", pid).under(spans)[1]


def _storing(root: Path, topics: Topics, spans: int) -> tuple[Done, Done]:
    """The load goes in by our door, which is not counted, once for each reader."""
    topics.create(data_dir=str(root / "process"))
    with running(root / "door", role="collect", **topics.settings()) as door:
        return _our_store(root / "process", topics, door, spans), _their_store(root, topics, door, spans)


def acknowledged(name: str, url: str, pid: int) -> Stage:
    """A stage that is done with a request when it answers."""
    return Stage(name, url, [pid], lambda: float("inf"))


def _our_store(data: Path, topics: Topics, door: System, spans: int) -> Done:
    """Raises NotCompleteError when a span or step is missing afterwards."""
    with running(data, role="process", **topics.settings()) as system:
        name = "Mission Control, `process`, everything derived"
        stage = Stage(name, door.traces_url, [system.info.pid], lambda: _stored(system))
        done = stage.under(spans)[1]
    if (found := stored.steps(data, "K-")) != done.sent.steps:
        raise NotCompleteError("steps", done.sent.steps, found)
    return done


def _stored(system: System) -> float:
    """Rows of spans whose summaries are there as well; 0 while anything waits."""
    samples = system.samples()
    waits = sum(value for (name, _), value in samples.items() if name in ("pipeline_lag_records", "summary_backlog_keys"))
    return 0.0 if waits else samples.get(("pipeline_inserted_rows_total", "spans"), 0.0)


def _their_store(root: Path, topics: Topics, door: System, spans: int) -> Done:
    with contextlib.ExitStack() as stack:
        shim, store = _engine(stack, root / "their-engine")
        _, pid = stack.enter_context(_collector(root / "their-store", "store", topics, BENCH_STORE=store))
        client = stack.enter_context(httpx.Client(timeout=60))

        def rows() -> int:
            return int(client.get(store + "/count").text)

        before = _come_to_rest(rows, [pid, shim])
        name = "OpenTelemetry Collector, Kafka receiver → ClickHouse exporter, raw table only"
        return Stage(name, door.traces_url, [pid, shim], lambda: rows() - before).under(spans)[1]


def _come_to_rest(count: Callable[[], int], pids: Sequence[int]) -> int:
    """How many rows there are once what lay in the topics from before has come."""
    deadline = time.monotonic() + COMPLETE_SECONDS
    while not count() and time.monotonic() < deadline:
        time.sleep(0.5)
    processes.settle(pids, 120)
    return count()


def _engine(stack: contextlib.ExitStack, directory: Path) -> tuple[int, str]:
    """(pid, URL) of the engine behind ClickHouse's protocol, with the exporter's raw table."""
    command = [sys.executable, "-m", "bench.peers.shim", str(directory), "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stack.callback(processes.end, process)
    assert process.stdout is not None
    with process.stdout as output:
        port = output.readline().decode().strip()
    if not port:
        raise NotStartedError("the shim of the engine", f"it ended with {process.wait()}")
    return process.pid, f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _collector(directory: Path, config: str, topics: Topics, **settings: str) -> Iterator[tuple[str, int]]:
    """(URL of its OTLP door, pid)"""
    said = {"BENCH_BROKERS": topics.bootstrap, "BENCH_PREFIX": topics.prefix, **settings}
    collector = otelcol.Collector(directory, [CONFIGS / f"{config}.yaml"], said)
    try:
        process = collector.start().process
        assert process is not None
        yield collector.url, process.pid
    except TimeoutError as error:
        raise NotStartedError("the OpenTelemetry Collector", str(error)) from error
    finally:
        collector.close()


def result(pairs: Sequence[tuple[Done, Done]]) -> Result:
    """`pairs`: ours and theirs of collecting, then of storing."""
    (collected, _), (processed, theirs) = pairs
    head = ("stage", "spans", "spans/s", "per CPU-second", "CPU µs a span", "ours over this")
    rows = [done.cells(ours) for ours, peer in pairs for done in (ours, peer)]
    note = (
        "CPU time of all processes of a side from the first byte until the last request is acknowledged by Kafka, or the last row (ours: and"
        " summary) is there; not the broker's nor the generator's. Both read the same topic and store into the same engine, we inside our"
        " process, the Collector over HTTP; it derives nothing."
    )
    figures = [
        Figure("`collect`, spans per CPU-second", collected.per_cpu_second, "", "least", COLLECT_TO_REACH),
        Figure("`process`, ours over the Collector's", processed.per_cpu_second / theirs.per_cpu_second, "", "least", STORE_TO_REACH),
    ]
    return Result([Table("collector", f"Around Kafka, {PER_REQUEST} spans a request", head, rows, note)], figures)
