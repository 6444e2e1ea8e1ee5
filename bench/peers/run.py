"""A peer under load: its processes, where it takes OTLP, and how many spans it shows."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from bench import processes
from bench.errors import NotCompleteError
from bench.generator import Generator
from bench.sender import Plan

COMPLETE_SECONDS: Final = 300.0
WARM_UP: Final = 512


@dataclass(frozen=True)
class Running:
    """A peer that takes spans. `stored` says how many spans are visible now."""

    name: str
    url: str
    children: Sequence["subprocess.Popen[bytes]"]
    stored: Callable[[], int]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self.children]

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pids)


@dataclass(frozen=True)
class Outcome:
    """`cpu` is of all processes of the peer, from the first byte to the last row."""

    name: str
    spans: int
    seconds: float
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.spans / self.cpu


class Peer(Protocol):
    """Something to compare with. `share` of the spans that we get is what it gets: some would take an hour."""

    share: float

    def running(self) -> AbstractContextManager[Running]:
        """Raises PeerMissingError or NotStartedError."""
        ...


def load(peer: Running, spans: int, per_request: int = 256) -> Outcome:
    """Warm up, then the load; until all of it is stored."""
    _send(peer, Plan(peer.url, WARM_UP, seed=1, prefix="warm", headers=dict(peer.headers)), 0)
    processes.settle(peer.pids)
    before = peer.stored()
    plan = Plan(peer.url, spans, per_request, seed=10, headers=dict(peer.headers))
    return _send(peer, plan, before)


def _send(peer: Running, plan: Plan, before: int) -> Outcome:
    with Generator(plan) as generator:
        generator.wait_ready()
        cpu, began = peer.cpu_seconds(), time.monotonic()
        generator.go()
        sent = generator.result(timeout=900)
        _wait(peer, before + sent.records)
        return Outcome(peer.name, sent.records, time.monotonic() - began, peer.cpu_seconds() - cpu)


def _wait(peer: Running, expected: int) -> None:
    deadline = time.monotonic() + COMPLETE_SECONDS
    while (found := peer.stored()) < expected:
        if time.monotonic() > deadline:
            raise NotCompleteError(f"spans at {peer.name}", expected, found)
        time.sleep(0.1)
