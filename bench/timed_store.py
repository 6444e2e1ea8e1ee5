"""A store that books what each of its calls takes: whose INSERT, which statement."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import pyarrow as pa

from schemas.store import Parameters, Store


@dataclass
class Clock:
    """Sums wall and CPU seconds (all threads of the process) per stage; what an inner stage takes is not the outer one's."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._open.append(name)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            self._open.pop()
            self._book(name, wall, cpu)
            self.calls[name] = self.calls.get(name, 0) + 1
            if self._open:
                self._book(self._open[-1], -wall, -cpu)

    def _book(self, name: str, wall: float, cpu: float) -> None:
        self.wall[name] = self.wall.get(name, 0.0) + wall
        self.cpu[name] = self.cpu.get(name, 0.0) + cpu


class TimedStore:
    """A Store. `prefix` goes before the stage's name."""

    def __init__(self, store: Store, clock: Clock, prefix: str) -> None:
        self._store, self.clock, self._prefix = store, clock, prefix
        self._names = _statement_names()

    def query(self, sql: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        with self.clock.stage(self._name(sql)):
            return self._store.query(sql, parameters, settings)

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        with self.clock.stage(self._name(sql)):
            return self._store.arrow(sql, parameters)

    def raw(self, sql: str, fmt: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> bytes:
        with self.clock.stage(self._name(sql)):
            return self._store.raw(sql, fmt, parameters, settings)

    def command(self, sql: str, parameters: Parameters | None = None) -> None:
        with self.clock.stage(self._name(sql)):
            self._store.command(sql, parameters)

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        with self.clock.stage(f"{self._prefix}insert {table}"):
            self._store.insert(table, batch)

    def close(self) -> None:
        self._store.close()

    def _name(self, sql: str) -> str:
        return self._prefix + self._names.get(sql, " ".join(sql.split())[:24])


def _statement_names() -> dict[str, str]:
    """Text of each statement of the summaries -> its name."""
    folder = files("pipeline.summaries") / "sql"
    return {source.read_text(encoding="utf-8"): source.name.removesuffix(".sql") for source in folder.iterdir()}
