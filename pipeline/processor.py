"""One topic's way from the log to the tables: poll, map, insert, dead letters, commit, notify, in that order, forever."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from pipeline.batch import Mapped
from pipeline.context import envelope
from pipeline.ledger import Ledger
from pipeline.write import Writer, dead_letter_batch
from schemas.errors import MissionControlError
from schemas.events import Commit, Event, Interest
from schemas.metrics import Metrics
from schemas.otlp import SIGNAL_NAMES
from schemas.ports import CommitListener, LogReader, Record
from schemas.store import Store, is_retryable

POLL_SECONDS: Final = 0.25
LONGEST_WAIT: Final = 5.0
logger = logging.getLogger(__name__)
T = TypeVar("T")


class Touched(Protocol):
    """Who summarises what changed."""

    def stored(self, mapped: Mapped) -> None:
        """This batch is in the tables. Must not block."""
        ...


@dataclass
class TooManyDeadLettersError(MissionControlError):
    """Everything fails: that is no poison but a defect, and dead-lettering on would hide it."""

    topic: str
    count: int
    last_reason: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.count} dead letters in a row, last: {self.last_reason}; the processor stopped, nothing was lost"


@dataclass(frozen=True)
class Limits:
    """Sizes and rates of one processor."""

    batch_max_bytes: int
    inserts_per_second: float
    dead_letter_limit: int


class Processor:
    """Runs on one thread of its own. After a crash it begins again at the committed position: every step can be repeated."""

    def __init__(
        self,
        reader: LogReader,
        writer: Writer,
        store: Store,
        ledger: Ledger,
        summaries: Touched,
        listener: CommitListener,
        metrics: Metrics,
        limits: Limits,
    ) -> None:
        self._reader, self._writer, self._store, self._ledger = reader, writer, store, ledger
        self._summaries, self._listener, self._metrics, self._limits = summaries, listener, metrics, limits
        self._last_insert = 0.0
        self._dead_in_a_row = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; then what was polled is finished. Raises TooManyDeadLettersError."""
        while not stop.is_set():
            self.step(stop, POLL_SECONDS)

    def step(self, stop: threading.Event, timeout: float) -> int:
        """One batch, if one comes within `timeout` seconds; returns how many records of the log it had."""
        self._pace(stop)
        records = self._reader.poll(self._limits.batch_max_bytes, timeout)
        if records:
            self._last_insert = time.monotonic()
            self._process(records, stop)
        return len(records)

    def _pace(self, stop: threading.Event) -> None:
        """Insert at once when idle; under load let the batch grow while the last insert's time share runs."""
        wait = self._last_insert + 1 / self._limits.inserts_per_second - time.monotonic()
        if wait > 0:
            stop.wait(wait)

    def _process(self, records: Sequence[Record], stop: threading.Event) -> None:
        signal = SIGNAL_NAMES[records[0].topic]
        self._metrics.batch_records.labels(signal).observe(len(records))
        requests = [(envelope(record), record.value) for record in records]
        results = self._retried(lambda: self._writer.write(requests), stop)
        if results is None:
            return  # told to stop while the store was away: not committed, so it comes again
        if self._retried(lambda: self._bury(results), stop) is None:
            return
        self._limit_dead_letters(records[0].topic, results)
        offsets = {record.partition: record.offset + 1 for record in records}
        self._reader.commit(offsets)
        self._ledger.book([row for mapped in results for row in mapped.ledger])
        self._notify(records[0].topic, offsets, results)
        self._measure(signal, records)

    def _bury(self, results: Sequence[Mapped]) -> int:
        """Store the dead letters; returns how many."""
        letters = [letter for mapped in results for letter in mapped.dead_letters]
        if letters:
            self._store.insert("dead_letter_rows", dead_letter_batch(letters, time.time_ns()))
        return len(letters)

    def _notify(self, topic: str, offsets: dict[int, int], results: Sequence[Mapped]) -> None:
        def events(interest: Interest) -> list[Event]:
            return [event for mapped in results for event in mapped.events(interest)]

        self._listener.publish(Commit(topic, offsets, events))
        for mapped in results:
            self._summaries.stored(mapped)

    def _retried(self, attempt: Callable[[], T], stop: threading.Event) -> T | None:
        """What `attempt` returns, repeated while the store says "not now"; None when told to stop in between."""
        wait = 0.1
        while True:
            try:
                return attempt()
            except Exception as error:
                if not is_retryable(error):
                    raise
                self._metrics.insert_errors.labels("batch", "retry").inc()
                logger.warning("the store does not take the batch now", extra={"error": str(error)[:500], "retry_in": wait})
            if stop.wait(wait):
                return None
            wait = min(2 * wait, LONGEST_WAIT)

    def _limit_dead_letters(self, topic: str, results: Sequence[Mapped]) -> None:
        letters = [letter for mapped in results for letter in mapped.dead_letters]
        if any(mapped.tables for mapped in results):
            self._dead_in_a_row = 0
        self._dead_in_a_row += len(letters)
        if letters and self._dead_in_a_row > self._limits.dead_letter_limit:
            raise TooManyDeadLettersError(topic, self._dead_in_a_row, letters[-1].reason)

    def _measure(self, signal: str, records: Sequence[Record]) -> None:
        oldest = min(envelope(record).received for record in records)
        self._metrics.commit_delay.labels(signal).observe(max(0.0, (time.time_ns() - oldest) / 1e9))
