"""The pipeline's threads: a processor per signal, summaries, rollups, and the keeper that lets go of old log."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from pipeline import native
from pipeline.batch import Mapped
from pipeline.ledger import Ledger
from pipeline.log import DurableLog, OwnedLog, PositionedReader, sync_filesystem
from pipeline.mappers import mapper
from pipeline.prices import Prices
from pipeline.processor import Limits, Processor, Touched
from pipeline.rebuild import Rebuild
from pipeline.retranslation.translate import Translation
from pipeline.seen import SeenCache
from pipeline.summaries.rollups import HOUR, Rollups
from pipeline.summaries.rounds import Summaries
from pipeline.summaries.sweep import AT_START, EVERY_MINUTE, unsummarised
from pipeline.write import Writer
from schemas.metrics import Metrics
from schemas.otlp import SIGNAL_NAMES
from schemas.ports import CommitListener
from schemas.settings import Settings
from schemas.store import Store, is_retryable
from schemas.topics import SIGNALS

SYNC_SECONDS: Final = 20.0
STORE_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 60.0
OTHERS_SECONDS: Final = 60.0
"""How long rows of another processor may wait for their summary before they are taken for forgotten."""
DRAIN_SECONDS: Final = 3.0
BATCH_SECONDS: Final = 1.0
SUMMARY_SECONDS: Final = 0.7
logger = logging.getLogger(__name__)
Key = TypeVar("Key")


def received_before(limit: int, found: Mapping[Key, int]) -> dict[Key, int]:
    """Those whose oldest row was received before that (ns): what is younger another processor may be about to summarise."""
    return {key: received for key, received in found.items() if received < limit}


class Told:
    """All who are told what is stored."""

    def __init__(self, *listeners: Touched) -> None:
        self._listeners = listeners

    def stored(self, mapped: Mapped) -> None:
        for listener in self._listeners:
            listener.stored(mapped)


class Processing:
    """Everything between the log and the tables. `failed` is called once when one of its threads dies."""

    def __init__(self, log: DurableLog, store: Store, listener: CommitListener, metrics: Metrics, settings: Settings) -> None:
        self._log, self._store, self._settings = log, store, settings
        self._stop, self._stop_summaries = threading.Event(), threading.Event()
        self._rollups, self._ledger = Rollups(store, metrics), Ledger(store)
        kernel = native.load(metrics) if settings.native_mapping == "auto" else None
        # Processors share what a server keeps; an embedded store is one process's own, wherever its records come from.
        self._shared = shared = log.owned is None and bool(settings.clickhouse_url.get_secret_value())
        self._prices = prices = Prices(store)
        self._summaries = Summaries(
            store,
            listener,
            metrics,
            settings.summary_interval,
            self._rollups,
            shared=shared,
            fold=native.fold_by(kernel),
            costs=prices.costs,
        )
        prices.on_priced = self._summaries.priced
        self._readers: dict[str, PositionedReader] = {topic: log.reader(topic) for topic in SIGNALS}
        seen, limits = SeenCache(), Limits(settings.batch_max_bytes, settings.inserts_per_second, settings.dead_letter_limit)
        self._processors = {
            topic: Processor(
                reader,
                Writer(store, mapper(topic, seen, settings.retention_days, settings.retention_days_mcps, kernel), seen, metrics),
                store,
                self._ledger,
                Told(self._summaries, self._prices),
                listener,
                metrics,
                limits,
            )
            for topic, reader in self._readers.items()
        }
        for topic, reader in self._readers.items():
            metrics.lag_records.labels(SIGNAL_NAMES[topic]).set_function(reader.lag)
        translation = Translation(store, settings.retention_days, settings.retention_days_mcps, seen.forget)
        self.rebuild = Rebuild(store, self._summaries, self._rollups, settings.data_dir / "rebuild.json", translation)
        self._threads: list[threading.Thread] = []
        self._died = ""
        self.on_death: Callable[[], None] = lambda: None

    def start(self) -> None:
        for topic, reader in self._readers.items():
            reader.begin(partial(self._resume, topic))
        now = int(time.time())
        self._rollups.touch([now // HOUR * HOUR, now // HOUR * HOUR - HOUR])
        for topic, processor in self._processors.items():
            self._spawn(f"process-{topic}", partial(processor.run, self._stop))
        self._spawn("summaries", lambda: self._summaries.run(self._stop_summaries))
        self._spawn("ledger", lambda: self._ledger.run(self._stop_summaries))
        self._spawn("rollups", lambda: self._rollups.run(self._stop_summaries))
        self._spawn("prices", lambda: self._prices.run(self._stop_summaries))
        self._spawn("sweep", self._sweep)
        if (owned := self._log.owned) is not None:
            self._spawn("keeper", partial(self._keep, owned))

    def _resume(self, topic: str, partition: int, committed: int) -> int:
        """Go on at the first position that the ledger does not know, and give no position twice. Waits for the store."""
        while True:
            try:
                booked = self._ledger.next_offset(topic, partition)
                break
            except Exception as error:
                if not is_retryable(error) or self._stop.wait(STORE_SECONDS):
                    raise
                logger.warning("the store does not say what it has", extra={"error": str(error)[:500]})
        if (owned := self._log.owned) is not None:
            owned.advance(topic, partition, booked)
        return min(booked, committed)

    def committed(self) -> dict[str, dict[int, int]]:
        """Per topic, where reading begins."""
        return {topic: reader.committed() for topic, reader in self._readers.items()}

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guard, args=(name, work), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guard(self, name: str, work: Callable[[], None]) -> None:
        """A thread that dies stops the process: going on without it would acknowledge what nobody stores."""
        try:
            work()
        except Exception as error:
            logger.exception("a pipeline thread died", extra={"work": name})  # `thread` is the log record's own
            self._died = f"{name}: {error}"
            self.on_death()

    def check(self) -> str:
        """For /ready: "" while all threads run."""
        return self._died

    def backlog(self) -> str:
        """For /ready: "" while the log takes records."""
        waiting = 0 if self._log.owned is None else self._log.owned.backlog_bytes()
        return f"{waiting} bytes wait for the store, at the limit" if waiting >= self._settings.log_max_bytes else ""

    def _sweep(self) -> None:
        seconds = AT_START
        while True:
            try:
                traces, threads = unsummarised(self._store, seconds)
                if self._shared and seconds == EVERY_MINUTE:
                    before = time.time_ns() - int(OTHERS_SECONDS * 1e9)
                    traces, threads = received_before(before, traces), received_before(before, threads)
                self._summaries.touch(traces, threads)
                self._summaries.swept()
                seconds = EVERY_MINUTE
            except Exception as error:  # noqa: BLE001  the next sweep looks again
                logger.warning("sweep failed", extra={"error": str(error)[:500]})
            if self._stop.wait(SWEEP_SECONDS):
                return

    def _keep(self, log: OwnedLog) -> None:
        while not self._stop.wait(SYNC_SECONDS):
            try:
                self.release(log)
            except Exception as error:
                if not is_retryable(error):
                    raise
                logger.warning("the log keeps its old files", extra={"error": str(error)[:500]})

    def release(self, log: OwnedLog) -> None:
        """What the store has on its disk for sure need not stay in the log."""
        committed = {
            topic: {partition: min(offset, self._ledger.next_offset(topic, partition)) for partition, offset in offsets.items()}
            for topic, offsets in self.committed().items()
        }
        sync_filesystem(Path(os.fspath(self._settings.data_dir)))
        for topic, offsets in committed.items():
            for partition, offset in offsets.items():
                log.release(topic, partition, offset)

    def stop(self) -> None:
        """Process what was accepted (bounded in time: the rest is safe in the log), then summarise it, then end the threads.

        What lies with brokers is another processor's as well: it is left to those that go on.
        """
        deadline = time.monotonic() + (DRAIN_SECONDS if self._log.owned is not None else 0)
        while not self._died and time.monotonic() < deadline and any(reader.lag() for reader in self._readers.values()):
            time.sleep(0.02)
        self.rebuild.stop()
        self._stop.set()
        for reader in self._readers.values():
            reader.wake()
        self._join("process-", deadline + BATCH_SECONDS)
        self._stop_summaries.set()
        self._join("", deadline + BATCH_SECONDS + SUMMARY_SECONDS)

    def _join(self, prefix: str, deadline: float) -> None:
        for thread in self._threads:
            if thread.name.startswith(prefix) and thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
