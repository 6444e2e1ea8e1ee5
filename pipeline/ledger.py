"""The ledger: one row per position of the log, what came in with it and what became of that.

Written in the background, because a small INSERT costs as much as a batch of spans. What a crash takes from memory comes
back by itself: after a restart reading begins at the first position that has no row.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from pipeline.batch import LedgerRow
from pipeline.columns import times
from schemas.store import Store, is_retryable

FLUSH_SECONDS: Final = 1.0
logger = logging.getLogger(__name__)


class Ledger:
    """`book` from any thread; `run` on one of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._rows: list[tuple[LedgerRow, int]] = []

    def book(self, rows: Sequence[LedgerRow]) -> None:
        """These positions are stored, dead letters included, as of now."""
        now = time.time_ns()
        with self._lock:
            self._rows.extend((row, now) for row in rows)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`, then a last time."""
        while not stop.wait(FLUSH_SECONDS):
            self.flush()
        self.flush()

    def flush(self) -> None:
        """Write what was booked; what cannot be written now stays booked."""
        with self._lock:
            rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            self._store.insert("ledger_rows", _batch(rows))
        except Exception as error:
            with self._lock:
                self._rows = rows + self._rows
            if not is_retryable(error):
                raise
            logger.warning("the store does not take the ledger now", extra={"error": str(error)[:500]})

    def next_offset(self, topic: str, partition: int) -> int:
        """The position after the last that has a row: all before it are stored."""
        sql = "SELECT max(log_offset) + 1 AS next, count() AS rows FROM ledger_rows WHERE log_topic = {t:String} AND log_partition = {p:UInt16}"
        row = self._store.query(sql, {"t": topic, "p": partition})[0]
        return int(row["next"]) if row["rows"] else 0


def _batch(booked: Sequence[tuple[LedgerRow, int]]) -> pa.RecordBatch:
    rows = [row for row, _ in booked]
    columns = {
        "log_topic": pa.array([row.topic for row in rows], pa.string()),
        "log_partition": pa.array([row.partition for row in rows], pa.uint16()),
        "log_offset": pa.array([row.offset for row in rows], pa.uint64()),
        "received": times(row.received for row in rows),
        "stored_at": times(now for _, now in booked),
        "source": pa.array([row.source for row in rows], pa.string()),
        "project": pa.array([row.project for row in rows], pa.string()),
        "signal": pa.array([row.topic for row in rows], pa.string()),
        "records": pa.array([row.records for row in rows], pa.uint32()),
        "stored": pa.array([row.stored for row in rows], pa.uint32()),
        "rejected": pa.array([row.rejected for row in rows], pa.uint32()),
        "bytes": pa.array([row.size for row in rows], pa.uint64()),
        "version": pa.array([now for _, now in booked], pa.uint64()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))
