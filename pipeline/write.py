"""Mapped batches into the store: one INSERT per table that has rows, in a fixed order, poison set aside."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa

from pipeline.batch import DeadLetter, Mapped, Sent
from pipeline.columns import times
from pipeline.context import Envelope
from pipeline.mappers import Maps, dead_letter, ledger_row, single_records
from pipeline.seen import SeenCache
from schemas.metrics import Metrics
from schemas.otlp import SIGNAL_NAMES, parse_lenient
from schemas.store import Store, is_retryable
from schemas.topics import LOGS, METRICS, SPANS

ORDER: Final = (
    "message_bodies",
    "message_rows",
    "permission_rows",
    "thread_activity",
    "score_records",
    "log_records",
    "metric_points",
    "spans",
)
"""Bodies first: what refers to them must find them. Dead letters follow, written by the processor."""
OWN_TABLES: Final = {SPANS: "spans", LOGS: "log_records", METRICS: "metric_points"}
logger = logging.getLogger(__name__)


class Writer:
    """Inserts batches of one topic; what cannot be stored becomes dead letters. Blocking, used from one thread."""

    def __init__(self, store: Store, mapper: Maps, seen: SeenCache, metrics: Metrics, clock: Callable[[], int] = time.time_ns) -> None:
        self._store, self._mapper, self._seen, self._metrics, self._clock = store, mapper, seen, metrics, clock

    def write(self, requests: Sequence[Sent]) -> list[Mapped]:
        """Store all that can be stored, and return it as mapped; dead letters are in the results, not stored yet.

        Raises what the store raises when a retry of the very same call may succeed; nothing is lost by calling again.
        """
        if not requests:
            return []
        try:
            mapped = self._map(requests)
            self._insert(mapped)
        except Exception as error:
            if isinstance(error, MemoryError) or is_retryable(error):
                raise
            return self._bisect(requests, error)
        self._seen.add(mapped.seen)
        if (own := mapped.tables.get(OWN_TABLES[self._mapper.topic])) is not None:
            self._metrics.batch_rows.labels(SIGNAL_NAMES[self._mapper.topic]).observe(own.num_rows)
        return [mapped]

    def _map(self, requests: Sequence[Sent]) -> Mapped:
        with self._metrics.map_seconds.labels(SIGNAL_NAMES[self._mapper.topic]).time():
            return self._mapper.map(requests)

    def _insert(self, mapped: Mapped) -> None:
        for table in ORDER:
            if (batch := mapped.tables.get(table)) is not None:
                with self._metrics.insert_seconds.labels(table).time():
                    self._store.insert(table, batch)
                self._metrics.insert_rows.labels(table).inc(batch.num_rows)

    def _bisect(self, requests: Sequence[Sent], error: Exception) -> list[Mapped]:
        """Halve until the culprit stands alone, then take its request apart."""
        if len(requests) > 1:
            middle = len(requests) // 2
            return self.write(requests[:middle]) + self.write(requests[middle:])
        (around, raw), results, letters = requests[0], [], []
        parts = [part.SerializeToString() for part in single_records(self._mapper.topic, parse_lenient(self._mapper.topic, raw))]
        if len(parts) <= 1:
            return [_only_dead(around, [self._bury(around, 0, raw, error)])]
        for number, part in enumerate(parts):
            try:
                mapped = self._map([(around, part)])
                self._insert(mapped)
            except Exception as reason:
                if is_retryable(reason):
                    raise
                letters.append(self._bury(around, number, part, reason))
            else:
                results.append(mapped)
        stored = sum(row.records for mapped in results for row in mapped.ledger)
        whole = _only_dead(around, letters, stored)
        return [replace(mapped, ledger=()) for mapped in results] + [whole]

    def _bury(self, around: Envelope, part: int, payload: bytes, error: Exception) -> DeadLetter:
        kind = type(error).__name__
        logger.error(
            "dead letter", extra={"topic": around.topic, "offset": around.offset, "part": part, "reason": kind, "error": str(error)[:500]}
        )
        self._metrics.dead_letters.labels(around.topic, kind).inc()
        return dead_letter(around, part, payload, error)


def _only_dead(around: Envelope, letters: Sequence[DeadLetter], stored: int = 0) -> Mapped:
    return Mapped({}, [ledger_row(around, stored, len(letters))], letters)


def dead_letter_batch(letters: Sequence[DeadLetter], now: int) -> pa.RecordBatch:
    columns = {
        "log_topic": pa.array([letter.topic for letter in letters], pa.string()),
        "log_partition": pa.array([letter.partition for letter in letters], pa.uint16()),
        "log_offset": pa.array([letter.offset for letter in letters], pa.uint64()),
        "part": pa.array([letter.part for letter in letters], pa.uint32()),
        "received_at": times(letter.received for letter in letters),
        "source": pa.array([letter.source for letter in letters], pa.string()),
        "project": pa.array([letter.project for letter in letters], pa.string()),
        "signal": pa.array([letter.topic for letter in letters], pa.string()),
        "reason": pa.array([letter.reason for letter in letters], pa.string()),
        "error": pa.array([letter.error for letter in letters], pa.string()),
        "payload": pa.array([letter.payload for letter in letters], pa.binary()),
        "payload_sha256": pa.array([hashlib.sha256(letter.payload).hexdigest() for letter in letters], pa.string()),
        "version": pa.array([now for _ in letters], pa.uint64()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))
