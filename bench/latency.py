"""(b) How soon a span or log record that is emitted is on the WebSocket, in SQL, and in its thread's row; idle and under load."""

import asyncio
import contextlib
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench import probes
from bench.connection import Connection
from bench.generator import Generator
from bench.ingest import warm_up
from bench.probes import Probe
from bench.quantiles import Spread, spread
from bench.sender import PROTOBUF, Plan
from bench.system import System, running
from bench.tables import Figure, Result, Table, milliseconds, number

PATHS: Final = {"spans": "/v1/traces", "logs": "/v1/logs"}
THREAD: Final = "bench live"
IDLE_RATE, LOADED_RATE = 5.0, 10.0
"""Probes per second: few enough that each meets an idle system, and under load more, to be done sooner."""
SHARE_OF_ROWS: Final = 5
"""Every fifth probe is followed to its rows: one after the other, that takes long."""
POLL_SECONDS: Final = 0.01
ARRIVAL_SECONDS: Final = 15.0
"""How long the last probes may take."""
LOAD_REQUESTS, LOAD_SPANS = 50, 100
"""Requests a second, spans in each."""


@dataclass
class Subscriber:
    """Notes when each probe is emitted and when its event arrives."""

    emitted: dict[str, float] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    expected: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            now, message = time.perf_counter(), json.loads(text)
            if message["type"] == "dropped":
                self.dropped += 1
            elif message["type"] == "event":
                payload = message["payload"]
                for key in (payload.get("step_id"), payload.get("message")):
                    if key in self.emitted:
                        self.arrived.setdefault(key, now)
            if len(self.arrived) >= self.expected:
                self.complete.set()

    def seconds(self) -> list[float]:
        """Emission to arrival. One that never came counts as infinite."""
        return [self.arrived.get(key, float("inf")) - at for key, at in self.emitted.items()]


async def to_socket(system: System, make: Callable[[str], Probe], url: str, channel: str, count: int, rate: float) -> Subscriber:
    """Emit `count` probes at an even rate while a WebSocket listens to the channel."""
    subscriber = Subscriber(expected=count)
    address = system.info.console.replace("http", "ws", 1) + "/ws"
    async with connect(address, additional_headers=system.authorization, max_size=None) as socket:
        await socket.send(json.dumps({"type": "subscribe", "channel": channel, "request_id": "1"}))
        while json.loads(await socket.recv())["type"] != "subscribed":
            pass
        listening = asyncio.create_task(subscriber.listen(socket))
        await _emit(subscriber, make, url, count, rate)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(subscriber.complete.wait(), ARRIVAL_SECONDS)
        listening.cancel()
    return subscriber


async def _emit(subscriber: Subscriber, make: Callable[[str], Probe], url: str, count: int, rate: float) -> None:
    connection = Connection(url, PROTOBUF)
    await _post(connection, make("bench warm"))
    began = time.perf_counter() + 1 / rate
    for number_ in range(count):
        await asyncio.sleep(max(began + number_ / rate - time.perf_counter(), 0))
        probe = make(THREAD)
        subscriber.emitted[probe.key] = time.perf_counter()
        await _post(connection, probe)
    connection.close()


async def _post(connection: Connection, probe: Probe) -> None:
    """Until it is acknowledged: what the sender waits for counts."""
    while True:
        answer = await connection.post(PATHS[probe.signal], probe.body)
        if answer.status == 200:
            return
        await asyncio.sleep(answer.retry_after)


@dataclass
class Visible:
    """Seconds from the 200 to the row, and what one poll takes."""

    rows: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)


async def to_rows(system: System, count: int) -> Visible:
    """One probe after the other, each in a thread of its own; polled by SQL until its row and its thread's row are there."""
    visible, connection = Visible(), Connection(system.traces_url, PROTOBUF)
    async with httpx.AsyncClient(base_url=system.info.sql, timeout=30) as client:
        for _ in range(count):
            probe = probes.span(f"bench row {uuid.uuid4().hex}")
            await _post(connection, probe)
            began = time.perf_counter()
            row = f"SELECT count() FROM otel_traces WHERE TraceId = '{probe.trace}'"
            visible.rows.append(await _polled(client, row, visible) - began)
            thread = f"SELECT count() FROM threads WHERE project = 'default' AND thread_id = '{probe.thread}'"
            visible.threads.append(await _polled(client, thread, visible) - began)
    connection.close()
    return visible


async def _polled(client: httpx.AsyncClient, query: str, visible: Visible) -> float:
    deadline = time.perf_counter() + ARRIVAL_SECONDS
    while (began := time.perf_counter()) < deadline:
        found = int((await client.post("/", content=query)).text)
        visible.polls.append(time.perf_counter() - began)
        if found:
            return time.perf_counter()
        await asyncio.sleep(POLL_SECONDS)
    return float("inf")


@dataclass(frozen=True)
class Situation:
    """What was measured idle, or under load."""

    name: str
    span: Spread
    log: Spread
    row: Spread
    thread: Spread
    poll: Spread


async def _situation(system: System, name: str, count: int, rate: float) -> Situation:
    span = await to_socket(system, probes.span, system.traces_url, f"thread:{THREAD}", count, rate)
    log = await to_socket(system, probes.log, system.logs_url, "logs:*", count, rate)
    seen = await to_rows(system, count // SHARE_OF_ROWS)
    return Situation(name, spread(span.seconds()), spread(log.seconds()), spread(seen.rows), spread(seen.threads), spread(seen.polls))


def measure(count: int) -> Result:
    """`count` probes of each kind, idle and under load."""
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as directory, running(Path(directory) / "data") as system:
        warm_up(system)
        asyncio.run(to_rows(system, 5))
        idle = asyncio.run(_situation(system, "idle", count, IDLE_RATE))
        seconds = 2 * count / LOADED_RATE + 2 * count / SHARE_OF_ROWS + 25
        plan = Plan(
            system.traces_url, int(LOAD_REQUESTS * LOAD_SPANS * seconds), LOAD_SPANS, rate=LOAD_REQUESTS, seed=20, prefix="L", age=0
        )
        with Generator(plan) as generator:
            generator.wait_ready()
            generator.go()
            time.sleep(3)
            loaded = asyncio.run(
                _situation(system, f"{LOAD_REQUESTS * LOAD_SPANS:,} spans/s in {LOAD_REQUESTS} requests/s", count, LOADED_RATE)
            )
            ended = "" if generator.is_running() else " The load ended before the last probes."
    return Result([_table((idle, loaded), ended)], _figures(idle, loaded))


def _table(situations: Sequence[Situation], ended: str) -> Table:
    rows = []
    for now in situations:
        named = (
            ("span emitted → WebSocket", now.span),
            ("log emitted → WebSocket", now.log),
            ("span acknowledged → row in SQL", now.row),
            ("span acknowledged → thread's row in SQL", now.thread),
            ("(one poll by SQL)", now.poll),
        )
        rows += [[now.name, name, number(one.count), *map(milliseconds, (one.p50, one.p99, one.highest))] for name, one in named]
    head = ("", "way", "times", "p50 ms", "p99 ms", "highest ms")
    note = "A row is visible at the latest when the poll that finds it answers: its time counts, and so does that of the poll before."
    return Table("latency", "From emission to sight", head, rows, note + ended)


def _figures(idle: Situation, loaded: Situation) -> list[Figure]:
    ms = 1e3
    return [
        Figure("span → WebSocket, idle, p50", idle.span.p50 * ms, "ms", "most", 40),
        Figure("span → WebSocket, idle, p99", idle.span.p99 * ms, "ms", "most", 100),
        Figure("log → WebSocket, idle, p50", idle.log.p50 * ms, "ms", "most", 40),
        Figure("log → WebSocket, idle, p99", idle.log.p99 * ms, "ms", "most", 100),
        Figure("span → WebSocket, under load, p99", loaded.span.p99 * ms, "ms", "most", 250),
        Figure("log → WebSocket, under load, p99", loaded.log.p99 * ms, "ms", "most", 250),
        Figure("200 → row visible, idle, p99", idle.row.p99 * ms, "ms", "most", 200),
        Figure("200 → row visible, under load, p99", loaded.row.p99 * ms, "ms", "most", 200),
    ]
