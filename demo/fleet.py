"""The fleet: draws scenarios from a seeded deck and keeps enough of them running, like a working day."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from random import Random

from mcp.shared.exceptions import MCPError

from demo.agents import World, begin
from demo.connections import Connections, Launch, ServerDiedError, stdio_launch
from demo.host import hosting
from demo.scenarios import SCENARIOS, Scenario
from demo.telemetry import Telemetry, quiet
from mission_control import emit

USERS = ("mara.lind", "tom.okafor", "ines.vidal", "jan.peters", "yuki.mori")
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
_RUNNING = 9
_OPENING = 9
_GAP_S = 0.4
_log = logging.getLogger("demo.fleet")


@dataclass(frozen=True)
class Options:
    """`endpoint`: base URL of an OTLP/HTTP collector. `duration`: seconds, None = until stopped. `once`: this scenario, then end."""

    endpoint: str
    seed: int = 7
    speed: float = 1.0
    duration: float | None = None
    once: str | None = None


def deck(seed: int) -> Iterator[Scenario]:
    """The order of scenarios, endless: first one of each main kind, then shuffled decks. The same for the same seed."""
    chance, everything = Random(seed), list(SCENARIOS.values())
    cards = [scenario for scenario in everything for _ in range(scenario.share)]
    rest = list(cards)
    for scenario in everything[:_OPENING]:
        rest.remove(scenario)
    chance.shuffle(rest)
    yield from chain(everything[:_OPENING], rest)
    while True:
        chance.shuffle(cards)
        yield from list(cards)


@dataclass
class Fleet:
    """Keeps `running` threads of agents going until cancelled."""

    world: World
    seed: int
    running: int = _RUNNING
    _started: int = 0
    _tasks: dict[asyncio.Task[None], Scenario] = field(default_factory=dict)

    async def work(self) -> None:
        """Draw a card whenever there is room; a long scenario is not drawn while one of its kind runs."""
        try:
            for scenario in deck(self.seed):
                while len(self._tasks) >= self.running:
                    await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.sleep(0)
                if not (scenario.long and Counter(self._tasks.values())[scenario]):
                    self._start(scenario)
                    await self.world.sleep(_GAP_S)
        finally:
            left = list(self._tasks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _start(self, scenario: Scenario) -> None:
        task = asyncio.create_task(self.play(scenario), name=scenario.name)
        self._tasks[task] = scenario
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()):
            _log.error("scenario %s is broken: %r", task.get_name(), error)

    async def play(self, scenario: Scenario) -> None:
        """One scenario from beginning to end; failures that belong to it end its thread, not the fleet."""
        self._started += 1
        number = self._started
        chance = Random(f"{self.seed}:{number}:{scenario.name}")
        task, user = chance.choice(scenario.tasks), chance.choice(USERS)
        thread_id = f"{scenario.name}-{number:04d}-{self.world.stamp}"
        try:
            with begin(self.world, scenario.agent, task, chance, thread_id, user_id=user) as run:
                await scenario.script(run)
        except (ServerDiedError, MCPError, emit.CancelRequested) as error:
            _log.warning("%s ended early: %s", thread_id, error)


async def work(options: Options, stop: asyncio.Event) -> None:
    """Run the fleet until `stop` is set, `duration` is over, or the one scenario has ended. KeyError: no such scenario."""
    with Telemetry(options.endpoint, "demo-fleet").running() as telemetry:
        async with launching(options) as launch, Connections(launch) as connections:
            fleet = Fleet(World(telemetry, connections, options.speed, _stamp()), options.seed)
            job = asyncio.create_task(fleet.play(SCENARIOS[options.once]) if options.once else fleet.work())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({job, stopping}, timeout=options.duration, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            job.cancel()
            await asyncio.gather(job, stopping, return_exceptions=True)


@asynccontextmanager
async def launching(options: Options) -> AsyncIterator[Launch]:
    """How servers start: by fork where the platform can, else each as a fresh process."""
    if not CAN_FORK:
        yield stdio_launch(options.endpoint, options.speed)
        return
    async with hosting(options.endpoint, options.speed) as host:
        yield host.connect


def run(endpoint: str, seed: int = 7, *, speed: float = 1.0, duration: float | None = None, once: str | None = None) -> None:
    """Run the fleet in this thread. SIGTERM and SIGINT end it: threads are cancelled, servers ended, the rest is sent."""
    quiet()
    asyncio.run(_run(Options(endpoint, seed, speed, duration, once)))


async def _run(options: Options) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    await work(options, stop)


def _stamp() -> str:
    """Short, and another one at every start: ids of two starts with one seed must not meet."""
    return f"{time.time_ns() // 1_000_000 % 36**5:x}"
