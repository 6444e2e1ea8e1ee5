"""(c) The API while spans come in: eight paced clients that ask at moments of their own choosing, and eight that saturate it.

Paced clients do not wait for an answer before they ask again, and their latency counts from when a request was due: what queues is counted
where it happens. That is the figure held against the aim. Saturating clients ask as fast as answers come, so their latency is no more than
the CPU time of a request times the clients per core; what they tell is requests per second, and CPU for each.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
PACE: Final = 2.0
"""Requests per second of each paced client, on average; the moments are random (exponential gaps)."""
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


async def paced(system: System, readings: Readings, seconds: float) -> Times:
    """All clients at once, each asking when it is due, whether or not its last answer has come."""
    times = Times()
    await asyncio.gather(*(_paced(system, readings, seed, seconds, times) for seed in range(CLIENTS)))
    return times


async def _paced(system: System, readings: Readings, seed: int, seconds: float, times: Times) -> None:
    r, idle = random.Random(seed), list[Connection]()
    turns, asked = _turns(readings, r), list[asyncio.Task[None]]()
    due = (began := time.perf_counter()) + r.expovariate(PACE)
    while due < began + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        name, target = next(turns)
        asked.append(asyncio.create_task(_due(system, idle, name, target, due, times)))
        due += r.expovariate(PACE)
    await asyncio.gather(*asked)
    for connection in idle:
        connection.close()


async def _due(system: System, idle: list[Connection], name: str, target: str, due: float, times: Times) -> None:
    connection = idle.pop() if idle else Connection(system.info.console, system.authorization)
    await _one(connection, name, target, times, due)
    idle.append(connection)


async def saturate(system: System, readings: Readings, seconds: float) -> Times:
    """All clients at once, each with a connection of its own, asking as fast as answers come."""
    times, until = Times(), time.perf_counter() + seconds
    await asyncio.gather(*(_eager(system, readings, seed, until, times) for seed in range(CLIENTS)))
    return times


async def _eager(system: System, readings: Readings, seed: int, until: float, times: Times) -> None:
    connection = Connection(system.info.console, system.authorization)
    for name, target in _turns(readings, random.Random(seed)):
        if time.perf_counter() >= until:
            break
        await _one(connection, name, target, times, time.perf_counter())
    connection.close()


def _turns(readings: Readings, r: random.Random) -> Iterator[tuple[str, str]]:
    """Names and targets without end, each reading as often as any other, in random order."""
    named = list(readings.paths().items())
    while True:
        r.shuffle(named)
        yield from ((name, path(r)) for name, path in named)


async def _one(connection: Connection, name: str, target: str, times: Times, since: float) -> None:
    """Counted from `since`, in the seconds of `time.perf_counter`."""
    answer = await connection.get(target)
    times.seconds.setdefault(name, []).append(time.perf_counter() - since)
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
            await _one(connection, name, path(r), times, time.perf_counter())
            cpu += system.cpu_seconds() - began
        found[name] = Alone(times.all(), cpu / ALONE)
    connection.close()
    return found


@dataclass(frozen=True)
class Load:
    """What saturating clients got in `seconds`: answers, and the server's CPU seconds, ingest included."""

    seconds: float
    cpu: float
    answers: int

    def __str__(self) -> str:
        rate, each = self.answers / self.seconds, self.cpu / max(self.answers, 1) * 1e3
        return f"{rate:.1f} requests/s, {each:.1f} ms of the server's CPU for each (ingest included)"


def measure(dataset: Dataset, seconds: float) -> Result:
    """Paced clients for `seconds`, saturating ones for half as long; every run of this adds its ingest to the data set."""
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
            at_pace = asyncio.run(paced(system, readings, seconds))
            cpu, began = system.cpu_seconds(), time.perf_counter()
            saturated = asyncio.run(saturate(system, readings, seconds / 2))
            load = Load(time.perf_counter() - began, system.cpu_seconds() - cpu, len(saturated.all()))
    return Result([_table(dataset, by_itself, at_pace, saturated, load)], _figures(dataset, at_pace))


def _table(dataset: Dataset, by_itself: Mapping[str, Alone], at_pace: Times, saturated: Times, load: Load) -> Table:
    rows = [
        [
            name,
            *_cells(at_pace.seconds[name], saturated.seconds.get(name, [])),
            milliseconds(spread(one.seconds).p50),
            milliseconds(one.cpu),
        ]
        for name, one in by_itself.items()
        if name in at_pace.seconds
    ]
    rows.append(["all", *_cells(at_pace.all(), saturated.all()), "", ""])
    failed = at_pace.failed + saturated.failed
    note = (
        f"{CLIENTS} clients, {REQUESTS * SPANS:,} spans/s of ingest beside them. Paced: each asks {PACE:g} times a second at random moments, whether or"
        f" not its last answer came; latency counts from when a request was due. Saturated: as fast as answers come: {load}. Alone: one client,"
        f" {ALONE} times, nothing beside it, and no answer shared with one before; CPU is the server's for one."
        f" Not answered with 200: {len(failed)}{'; e.g. ' + failed[0] if failed else ''}."
    )
    head = ("reading", "times", "paced p50 ms", "p99 ms", "highest ms", "saturated p50 ms", "p99 ms", "alone p50 ms", "CPU ms")
    return Table(f"api-{_millions(dataset)}", f"API at {number(dataset.spans)} spans", head, rows, note)


def _cells(at_pace: Sequence[float], saturated: Sequence[float]) -> list[str]:
    one, other = spread(at_pace), spread(saturated)
    return [number(one.count), *map(milliseconds, (one.p50, one.p99, one.highest, other.p50, other.p99))]


def _figures(dataset: Dataset, at_pace: Times) -> list[Figure]:
    """The slowest reading counts, because each was promised."""
    spreads = [spread(seconds) for seconds in at_pace.seconds.values()]
    named = f"API at {_millions(dataset)} spans, slowest reading of paced clients"
    return [
        Figure(f"{named}, p50", max(one.p50 for one in spreads) * 1e3, "ms", "most", 20),
        Figure(f"{named}, p99", max(one.p99 for one in spreads) * 1e3, "ms", "most", 100),
    ]


def _millions(dataset: Dataset) -> str:
    millions = dataset.spans / 1e6
    return f"{millions:.0f}M" if millions >= 0.95 else f"{dataset.spans / 1e3:.0f}k"
