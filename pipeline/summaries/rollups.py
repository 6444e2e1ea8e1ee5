"""Hourly rollups: hours that got steps or checks are counted anew, whole, so counting twice changes nothing."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from pipeline.summaries.statements import statement
from schemas.metrics import Metrics
from schemas.store import Store, is_retryable

HOUR: Final = 3600
LAST_HOUR: Final = 2**32 - 2 * HOUR
"""Later ones do not fit their column: senders may claim any time."""
KEYS: Final = {
    "usage_hours": "project, hour, agent_name, user_id, provider, model",
    "tool_hours": "project, hour, mcp_id, tool_name, agent_name",
    "step_counts": "project, hour, type, name, service, mcp_id, model, error_type",
    "edge_hours": "project, hour, source_type, source, target_type, target, kind",
    "error_hours": "project, hour, fingerprint",
    "check_counts": "project, hour, agent_name, source, resource, action",
}
CHECKS: Final = ("check_counts",)
"""What counts a question by its answer, which may come hours later."""
ON_ITS_WAY_NS: Final = 300 * 10**9
"""So much earlier than it was counted a decision may have been received."""
SOONEST: Final = 2.0
"""Seconds between two counts of the same hour, at least."""
REST: Final = 40.0
"""A count that took t seconds is not repeated before REST * t later: rollups take a fortieth of a core at most."""
logger = logging.getLogger(__name__)


class Rollups:
    """`touch` from any thread; `run` on one of its own."""

    def __init__(self, store: Store, metrics: Metrics, clock: Callable[[], int] = time.time_ns) -> None:
        self._store, self._metrics, self._clock = store, metrics, clock
        self._lock = threading.Lock()
        self._touched: set[int] = set()
        self._answered = clock()
        """Decisions received until then have been looked at."""

    def touch(self, hours: Iterable[int]) -> None:
        """These hours (seconds since 1970 of their start) got rows."""
        with self._lock:
            self._touched.update(hour for hour in hours if 0 <= hour <= LAST_HOUR)

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(SOONEST):
            began = time.monotonic()
            self.round()
            stop.wait(REST * (time.monotonic() - began))
        self.round()

    def round(self) -> None:
        """Count all touched hours now, and the checks of those whose questions were answered since the last round."""
        with self._lock:
            hours, self._touched = sorted(self._touched), set()
        if not hours:
            return
        for hour in hours:
            self._guarded(hour, partial(self.count, hour))
        self._guarded(hours[-1], partial(self._count_asked, hours))

    def _count_asked(self, counted: Sequence[int]) -> None:
        """Of other hours the checks, where decisions of these have answered questions of those since the last round."""
        began, since = self._clock(), self._answered - ON_ITS_WAY_NS
        asked = self._store.query(statement("asked_hours"), {"since": since, "from": counted[0], "to": counted[-1] + HOUR})
        for hour in {int(row["hour"]) for row in asked}.difference(counted):
            self.count(hour, CHECKS)
        self._answered = began

    def _guarded(self, hour: int, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.touch([hour])
            logger.warning("rollup will be repeated", exc_info=not is_retryable(error), extra={"error": str(error)[:500], "hour": hour})

    def count(self, hour: int, tables: Iterable[str] = KEYS) -> None:
        """One hour, all rollups or some; rows of keys that are none any more are taken away."""
        version = self._clock()
        parameters = {"from": hour, "to": hour + HOUR, "version": version}
        with self._metrics.summary_seconds.labels("rollup").time():
            for table in tables:
                keys = KEYS[table]
                self._store.command(statement(table), parameters)
                self._store.command(
                    f"INSERT INTO {table} ({keys}, version, is_deleted) SELECT {keys}, {{version:UInt64}}, 1 FROM {table} FINAL"
                    " WHERE hour = toDateTime({from:UInt32}, 'UTC') AND version < {version:UInt64}",
                    parameters,
                )
