"""What `/api/metrics` shows: how this process did in the last five minutes, in ten-second steps."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psutil

from control import times

STEP: Final = 10.0
STEPS: Final = 30
_SAMPLES: Final = 2000
"""Latencies kept per step; beyond it the latest count."""


def _samples() -> deque[float]:
    return deque(maxlen=_SAMPLES)


@dataclass
class Step:
    """Ten seconds. Latencies in seconds."""

    started: float
    requests: int = 0
    errors: int = 0
    messages: int = 0
    connections: int = 0
    memory_bytes: int = 0
    latencies: deque[float] = field(default_factory=_samples)
    queries: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(_samples))


class Figures:
    """Safe to call from any thread."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._process = psutil.Process()
        self._connections = 0
        self._peak_connections = 0
        self._steps: deque[Step] = deque(maxlen=STEPS)

    def _now(self) -> Step:
        started = self._clock() // STEP * STEP
        if not self._steps or self._steps[-1].started < started:
            self._steps.append(Step(started, connections=self._connections, memory_bytes=self._process.memory_info().rss))
        return self._steps[-1]

    def request(self, seconds: float, failed: bool) -> None:
        with self._lock:
            step = self._now()
            step.requests += 1
            step.errors += failed
            step.latencies.append(seconds)

    def query(self, name: str, seconds: float) -> None:
        with self._lock:
            self._now().queries[name].append(seconds)

    def messages(self, count: int) -> None:
        with self._lock:
            self._now().messages += count

    def connections(self, open_now: int) -> None:
        with self._lock:
            step = self._now()
            self._connections = open_now
            self._peak_connections = max(self._peak_connections, open_now)
            step.connections = max(step.connections, open_now)

    def show(self) -> dict[str, Any]:
        """Current (the last whole or only step), peak and series; latencies in milliseconds."""
        with self._lock:
            self._now()
            oldest = self._clock() - STEPS * STEP
            series = [_shown(step, self._clock()) for step in self._steps if step.started > oldest]
            queries = _merged([step.queries for step in self._steps if step.started > oldest])
        current = {**series[-2 if len(series) > 1 else -1], "ws_connections": self._connections}
        names = ("throughput", "requests_per_second", "api_latency_p99_ms", "error_rate", "memory_bytes")
        peak = {name: max((step[name] for step in series if step[name] is not None), default=None) for name in names}
        return {
            "time": times.iso(int(self._clock() * times.NANOSECONDS)),
            "step_seconds": STEP,
            "current": current,
            "peak": {**peak, "ws_connections": self._peak_connections},
            "series": series,
            "queries": {name: {"count": len(values), **_quantiles("", values)} for name, values in sorted(queries.items())},
        }


def _shown(step: Step, now: float) -> dict[str, Any]:
    length = min(STEP, max(now - step.started, 1.0))
    slowest = [seconds for values in step.queries.values() for seconds in values]
    return {
        "time": times.iso(int(step.started) * times.NANOSECONDS),
        "throughput": step.messages / length,
        "requests_per_second": step.requests / length,
        "error_rate": step.errors / step.requests if step.requests else 0.0,
        "ws_connections": step.connections,
        "memory_bytes": step.memory_bytes,
        **_quantiles("api_latency_", step.latencies),
        **_quantiles("query_", slowest),
    }


def _quantiles(prefix: str, seconds: Sequence[float]) -> dict[str, float | None]:
    ordered = sorted(seconds)
    return {f"{prefix}p{percent}_ms": _quantile(ordered, percent) for percent in (50, 95, 99)}


def _quantile(ordered: Sequence[float], percent: int) -> float | None:
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000, 3) if ordered else None


def _merged(steps: Sequence[dict[str, deque[float]]]) -> dict[str, list[float]]:
    merged: dict[str, list[float]] = defaultdict(list)
    for queries in steps:
        for name, values in queries.items():
            merged[name].extend(values)
    return merged
