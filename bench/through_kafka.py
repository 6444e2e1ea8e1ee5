"""How soon what is emitted is on a WebSocket when it goes through Kafka: `collect`, `process` and `serve` around a broker and a store."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import probes
from bench.generator import Generator, send
from bench.ingest import WARM_UP
from bench.kafka import Topics, broker
from bench.latency import IDLE_RATE, LOADED_RATE, THREAD, to_socket
from bench.processes import settle
from bench.quantiles import Spread, spread
from bench.sender import Plan
from bench.system import System, running
from bench.tables import Figure, Result, Table, milliseconds, number
from tests.clickhouse.clickhouse_server import clickhouse_in

P50_MS, P99_MS = 100, 300
LOAD_REQUESTS, LOAD_SPANS = 10, 30
"""A second, and of a request: half of what two cores take that broker, store and three roles share."""


@dataclass(frozen=True)
class Situation:
    """What was measured idle, or under load."""

    name: str
    span: Spread
    log: Spread


def measure(count: int) -> Result:
    """`count` probes of each kind, idle and under load. Raises PeerMissingError where no broker can be had."""
    with broker() as bootstrap, tempfile.TemporaryDirectory(prefix="bench-kafka-") as place, clickhouse_in(Path(place) / "store") as store:
        topics, root = Topics(bootstrap, "live."), Path(place)
        settings = {**topics.settings(), "clickhouse_url": store.url}
        topics.create(clickhouse_url=store.url, data_dir=str(root / "migrate"))
        with (
            running(root / "collect", role="collect", **settings) as door,
            running(root / "process", role="process", **settings) as processor,
            running(root / "serve", role="serve", **settings) as server,
        ):
            send(Plan(door.traces_url, WARM_UP, seed=1, prefix="warm"))
            settle([door.info.pid, processor.info.pid, server.info.pid], 120)
            idle = asyncio.run(_situation(door, server, "idle", count, IDLE_RATE))
            loaded, ended = _loaded(door, server, count)
    return result((idle, loaded), ended)


def _loaded(door: System, server: System, count: int) -> tuple[Situation, bool]:
    """And whether the load ended before the last probes."""
    seconds = 2 * count / LOADED_RATE + 30
    plan = Plan(door.traces_url, int(LOAD_REQUESTS * LOAD_SPANS * seconds), LOAD_SPANS, rate=LOAD_REQUESTS, seed=20, prefix="L", age=0)
    with Generator(plan) as generator:
        generator.wait_ready()
        generator.go()
        time.sleep(3)
        name = f"{LOAD_REQUESTS * LOAD_SPANS:,} spans/s in {LOAD_REQUESTS} requests/s"
        return asyncio.run(_situation(door, server, name, count, LOADED_RATE)), not generator.is_running()


async def _situation(door: System, server: System, name: str, count: int, rate: float) -> Situation:
    span = await to_socket(server, probes.span, door.traces_url, f"thread:{THREAD}", count, rate)
    log = await to_socket(server, probes.log, door.logs_url, "logs:*", count, rate)
    return Situation(name, spread(span.seconds()), spread(log.seconds()))


def result(situations: Sequence[Situation], ended: bool) -> Result:
    ways = [(now.name, way, one) for now in situations for way, one in (("span", now.span), ("log", now.log))]
    rows = [
        [name, f"{way} emitted → WebSocket", number(one.count), *map(milliseconds, (one.p50, one.p99, one.highest))]
        for name, way, one in ways
    ]
    head = ("", "way", "times", "p50 ms", "p99 ms", "highest ms")
    note = (
        "Sender → `collect` → Kafka → `process` → store → commits topic → `serve` → WebSocket, each a process of its own on one machine,"
        " one broker, the store the embedded engine behind ClickHouse's HTTP protocol."
        + (" The load ended before the last probes." if ended else "")
    )
    bounds = (("p50", P50_MS), ("p99", P99_MS))
    figures = [
        Figure(f"{way} → WebSocket through Kafka, {name}, {q}", getattr(one, q) * 1e3, "ms", "most", ms)
        for name, way, one in ways
        for q, ms in bounds
    ]
    return Result([Table("kafka", "From emission to sight, through Kafka", head, rows, note)], figures)
