"""Micro benchmark of the pipeline's stages, one after the other in one process: `python -m bench.stages`.

What each costs per span, in µs of wall time and of CPU time of all threads (the engine works on threads of its own).
Nothing runs beside it: no log, no HTTP, no pacing; merges in the background count to the stage in which they happen.
"""

import argparse
import gc
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from bench.load import Body, Load
from bench.timed_store import Clock, TimedStore
from mission_control.footprint import without_pandas
from pipeline import native
from pipeline.batch import Mapped
from pipeline.context import Envelope
from pipeline.ledger import Ledger
from pipeline.mappers import mapper
from pipeline.seen import SeenCache
from pipeline.summaries.rollups import Rollups
from pipeline.summaries.rounds import Summaries
from pipeline.write import ORDER
from schemas.events import Commit
from schemas.metrics import Metrics
from schemas.migrate import migrate
from schemas.settings import load_settings
from schemas.store import Store, open_embedded
from schemas.topics import SPANS

HOUR_NS: Final = 3600 * 10**9


class Silence:
    """Nobody listens to commits."""

    def publish(self, commit: Commit) -> None:
        pass


@dataclass
class Stages:
    """One pass over batches of requests, as the processor and the summaries would do it."""

    store: Store
    use_kernel: bool = True
    clock: Clock = field(default_factory=Clock)
    spans: int = 0

    def __post_init__(self) -> None:
        metrics = Metrics(CollectorRegistry())
        self._settings = load_settings()
        self._seen = SeenCache()
        self._ended = threading.Event()
        self._ended.set()
        kernel = native.load(metrics) if self.use_kernel else None
        self._mapper = mapper(SPANS, self._seen, self._settings.retention_days, native=kernel)
        self._timed = TimedStore(self.store, self.clock, "summaries: ")
        self._ledger = Ledger(self.store)
        self._rollups = Rollups(self._timed, metrics)
        self._summaries = Summaries(
            self._timed, Silence(), metrics, self._settings.summary_interval, self._rollups, fold=native.fold_by(kernel)
        )
        self._summaries.swept()  # as after a start: from here on new traces need not be read back

    def restart(self) -> None:
        """Forget what was measured so far."""
        self.clock = self._timed.clock = Clock()
        self.spans = 0

    def batch(self, bodies: Sequence[Body], offset: int, summaries: bool = True, insert: bool = True) -> None:
        mapped = self._map(bodies, offset)
        if insert:
            self._insert(mapped)
        self._seen.add(mapped.seen)
        self.spans += sum(body.records for body in bodies)
        if summaries:
            self._summarise(mapped)

    def _map(self, bodies: Sequence[Body], offset: int) -> Mapped:
        requests = [
            (Envelope(SPANS, 0, offset + number, time.time_ns(), "bench", "", len(body.data)), body.data)
            for number, body in enumerate(bodies)
        ]
        with self.clock.stage("map"):
            return self._mapper.map(requests)

    def _insert(self, mapped: Mapped) -> None:
        for table in ORDER:
            if (rows := mapped.tables.get(table)) is not None:
                with self.clock.stage(f"insert {table}"):
                    self.store.insert(table, rows)
        with self.clock.stage("insert ledger_rows"):
            self._ledger.book(mapped.ledger)
            self._ledger.flush()

    def _summarise(self, mapped: Mapped) -> None:
        """At once: a summariser that was told to stop does what is left, without its rests."""
        with self.clock.stage("summaries: fold, and all around"):
            self._summaries.stored(mapped)
            self._summaries.run(self._ended)


def batches(bodies: Sequence[Body], spans: int) -> Iterator[Sequence[Body]]:
    """Neighbouring requests together until a batch has at least so many spans."""
    batch: list[Body] = []
    for body in bodies:
        batch.append(body)
        if sum(one.records for one in batch) >= spans:
            yield batch
            batch = []
    if batch:
        yield batch


def report(stages: Stages) -> list[tuple[str, int, float, float]]:
    """(stage, calls, wall µs per span, CPU µs per span), in order, the sum last."""
    clock, spans = stages.clock, max(stages.spans, 1)
    rows = [(name, clock.calls[name], clock.wall[name] / spans * 1e6, clock.cpu[name] / spans * 1e6) for name in clock.wall]
    return [*rows, ("all", 0, sum(row[2] for row in rows), sum(row[3] for row in rows))]


def run(spans: int, per_request: int, per_batch: int, only: str, use_kernel: bool) -> Stages:
    bodies = list(Load(7, time.time_ns() - HOUR_NS).spans(spans + per_batch, per_request))
    with tempfile.TemporaryDirectory(prefix="bench-stages-") as directory:
        store = open_embedded(Path(directory), 2 * 1024**3, 64 * 1024**2)
        migrate(store)
        insert, summaries = only != "map", only in ("all", "summaries")
        stages, offset = Stages(store, use_kernel), 0
        for number, batch in enumerate(batches(bodies, per_batch)):
            stages.batch(batch, offset, summaries, insert)
            offset += len(batch)
            if number == 0:  # warm: imports, first use of everything
                stages.restart()
                gc.collect()
        store.close()
    return stages


def main() -> None:
    without_pandas()
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("--spans", type=int, default=50_000)
    parser.add_argument("--per-request", type=int, default=256)
    parser.add_argument("--per-batch", type=int, default=2_500, help="spans that the processor takes at once")
    parser.add_argument("--only", choices=("all", "map", "insert", "summaries"), default="all")
    parser.add_argument("--python", action="store_true", help="map in Python, also where the native kernel is built")
    parser.add_argument("--profile", metavar="FILE", help="write cProfile's figures of the whole run there")
    options = parser.parse_args()
    if options.profile:
        import cProfile

        with cProfile.Profile() as profile:
            stages = run(options.spans, options.per_request, options.per_batch, options.only, not options.python)
        profile.dump_stats(options.profile)
    else:
        stages = run(options.spans, options.per_request, options.per_batch, options.only, not options.python)
    print(f"{stages.spans} spans, {options.per_request} a request, {options.per_batch} a batch; µs per span")
    print(f"{'stage':<38}{'calls':>7}{'wall':>9}{'CPU':>9}")
    for name, calls, wall, cpu in report(stages):
        print(f"{name:<38}{calls or '':>7}{wall:>9.2f}{cpu:>9.2f}")
    print(f"{1e6 / report(stages)[-1][3]:,.0f} spans per CPU-second", flush=True)
    os._exit(0)  # the engine may crash in a normal exit


if __name__ == "__main__":
    main()
