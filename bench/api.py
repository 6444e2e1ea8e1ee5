"""(c) The API while spans come in: eight people who look at random threads and filters, and eight programs that do not pause."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from bench import processes
from bench.connection import Connection
from bench.dataset import LONG_THREAD, PREFIX, Dataset
from bench.generator import Generator
from bench.load import VOCABULARY
from bench.quantiles import spread
from bench.sender import Plan
from bench.system import System, running
from bench.tables import Figure, Result, Table, milliseconds, number

CLIENTS: Final = 8
THINK: Final = 0.25
"""Seconds a person waits between two requests, on average."""
REQUESTS, SPANS = 20, 100
"""Of ingest beside it, per second and in each."""
ALONE: Final = 20
"""Readings of each kind by one client with nothing beside it."""
SHARED: Final = ("MCP servers", "overview")
"""Readings whose answer the server shares among all who ask within two seconds."""
OLD: Final = 2.1
"""Seconds after which such an answer is made anew."""
Path = Callable[[random.Random], str]


@dataclass(frozen=True)
class Readings:
    """The requests that are made, by name."""

    threads: int
    mcps: Sequence[str]

    def paths(self) -> dict[str, Path]:
        return {
            "threads": lambda _: "/api/threads",
            "threads by status": lambda r: _query("/api/threads", status=r.choice(("running", "complete", "error"))),
            "threads by text": lambda r: _query("/api/threads", q=r.choice(VOCABULARY)),
            "threads by MCP": lambda r: _query("/api/threads", mcp_id=r.choice(self.mcps)),
            "threads by time": lambda r: _query("/api/threads", **_window(r)),
            "thread": lambda r: f"/api/threads/{self._thread(r)}",
            "timeline": lambda r: f"/api/threads/{self._thread(r)}/timeline",
            "timeline of 10,000 steps": lambda _: f"/api/threads/{quote(LONG_THREAD)}/timeline",
            "transcript": lambda r: f"/api/threads/{self._thread(r)}/transcript",
            "logs of a thread": lambda r: f"/api/threads/{self._thread(r)}/logs",
            "logs": lambda _: "/api/logs",
            "logs by level": lambda r: _query("/api/logs", level=r.choice(("ERROR", "WARN", "INFO"))),
            "logs by text": lambda r: _query("/api/logs", q=r.choice(VOCABULARY)),
            "permissions": lambda _: "/api/permissions/audit",
            "permissions denied": lambda _: "/api/permissions/audit?granted=false",
            "permissions of a thread": lambda r: f"/api/permissions/audit/{self._thread(r)}",
            "search": lambda r: _query("/api/search", q=r.choice(VOCABULARY)),
            "MCP servers": lambda _: "/api/mcps",
            "overview": lambda _: "/api/overview",
        }

    def _thread(self, r: random.Random) -> str:
        return f"{PREFIX}-{r.randint(1, self.threads):06d}"


def _query(path: str, **values: str) -> str:
    return f"{path}?{urlencode(values)}"


def _window(r: random.Random) -> dict[str, str]:
    """Ten minutes of the last hour, as seconds since 1970."""
    start = time.time() - r.uniform(600, 3600)
    return {"from": f"{start:.0f}", "to": f"{start + 600:.0f}"}


@dataclass
class Times:
    """Seconds by name of reading, and what was not answered with 200."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def all(self) -> list[float]:
        return [second for seconds in self.seconds.values() for second in seconds]


async def read(system: System, readings: Readings, seconds: float, think: float) -> Times:
    """All clients at once, each with a connection of its own, each reading as often as any other."""
    times = Times()
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_client(system, readings, number_, until, think, times) for number_ in range(CLIENTS)))
    return times


async def _client(system: System, readings: Readings, seed: int, until: float, think: float, times: Times) -> None:
    r, connection = random.Random(seed), Connection(system.info.console, system.authorization)
    named = list(readings.paths().items())
    await asyncio.sleep(r.uniform(0, think))
    while time.perf_counter() < until:
        r.shuffle(named)
        for name, path in named:
            if time.perf_counter() >= until:
                break
            await _one(connection, name, path(r), times)
            await asyncio.sleep(r.uniform(0, 2 * think))
    connection.close()


async def _one(connection: Connection, name: str, target: str, times: Times) -> None:
    began = time.perf_counter()
    answer = await connection.get(target)
    times.seconds.setdefault(name, []).append(time.perf_counter() - began)
    if answer.status != 200:
        times.failed.append(f"{answer.status} {target}")


@dataclass(frozen=True)
class Alone:
    """Seconds of each of a few readings of one kind by one client with nothing beside it, and the server's CPU seconds for one."""

    seconds: Sequence[float]
    cpu: float


async def alone(system: System, readings: Readings) -> dict[str, Alone]:
    """Each reading by itself; the first ones warm up and are not counted."""
    connection, r, found = Connection(system.info.console, system.authorization), random.Random(0), {}
    for name, path in readings.paths().items():
        times = Times()
        for _ in range(2):
            await connection.get(path(r))
        cpu = 0.0
        for _ in range(ALONE):
            await asyncio.sleep(OLD if name in SHARED else 0)
            began = system.cpu_seconds()
            await _one(connection, name, path(r), times)
            cpu += system.cpu_seconds() - began
        found[name] = Alone(times.all(), cpu / ALONE)
    connection.close()
    return found


def measure(dataset: Dataset, seconds: float) -> Result:
    """People for `seconds`, programs for half as long; every run of this adds its ingest to the data set."""
    with running(dataset.data) as system:
        mcps = [str(item["mcp_id"]) for item in json.loads(system.get("/api/mcps").content)["items"]]
        readings = Readings(dataset.threads, mcps or ["none"])
        processes.settle([system.info.pid], 30)
        by_itself = asyncio.run(alone(system, readings))
        plan = Plan(
            system.traces_url,
            int(REQUESTS * SPANS * (1.5 * seconds + 6)),
            SPANS,
            rate=REQUESTS,
            seed=time.time_ns() % 10**6,
            prefix="live",
            age=0,
        )
        with Generator(plan) as generator:
            generator.wait_ready()
            generator.go()
            time.sleep(3)
            people = asyncio.run(read(system, readings, seconds, THINK))
            programs = asyncio.run(read(system, readings, seconds / 2, 0.0))
    return Result([_table(dataset, by_itself, people, programs)], _figures(dataset, people))


def _table(dataset: Dataset, by_itself: Mapping[str, Alone], people: Times, programs: Times) -> Table:
    rows = [
        [name, *_cells(people.seconds[name], programs.seconds.get(name, [])), milliseconds(spread(one.seconds).p50), milliseconds(one.cpu)]
        for name, one in by_itself.items()
        if name in people.seconds
    ]
    rows.append(["all", *_cells(people.all(), programs.all()), "", ""])
    failed = people.failed + programs.failed
    note = (
        f"{CLIENTS} clients, {REQUESTS * SPANS:,} spans/s of ingest beside them. People pause {THINK * 1000:.0f} ms on average between two"
        f" requests; programs not at all. Alone: one client, {ALONE} times, nothing beside it, and no answer shared with one before; CPU is the"
        f" server's for one."
        f" Not answered with 200: {len(failed)}{'; e.g. ' + failed[0] if failed else ''}."
    )
    head = ("reading", "times", "people p50 ms", "p99 ms", "highest ms", "programs p50 ms", "p99 ms", "alone p50 ms", "CPU ms")
    return Table(f"api-{_millions(dataset)}", f"API at {number(dataset.spans)} spans", head, rows, note)


def _cells(people: Sequence[float], programs: Sequence[float]) -> list[str]:
    one, other = spread(people), spread(programs)
    return [number(one.count), *map(milliseconds, (one.p50, one.p99, one.highest, other.p50, other.p99))]


def _figures(dataset: Dataset, people: Times) -> list[Figure]:
    """The slowest reading counts, because each was promised."""
    spreads = [spread(seconds) for seconds in people.seconds.values()]
    named = f"API at {_millions(dataset)} spans, slowest reading"
    return [
        Figure(f"{named}, p50", max(one.p50 for one in spreads) * 1e3, "ms", "most", 20),
        Figure(f"{named}, p99", max(one.p99 for one in spreads) * 1e3, "ms", "most", 100),
    ]


def _millions(dataset: Dataset) -> str:
    millions = dataset.spans / 1e6
    return f"{millions:.0f}M" if millions >= 0.95 else f"{dataset.spans / 1e3:.0f}k"
