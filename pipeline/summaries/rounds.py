"""When to summarise what: collects what was touched, runs a round at a time, and leaves the machine to others in between."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pyarrow as pa

from pipeline.batch import Mapped, ThreadKey, TraceKey
from pipeline.costs import Costs
from pipeline.summaries.folding import fold_spans
from pipeline.summaries.folds import Fold
from pipeline.summaries.known import KnownTraces
from pipeline.summaries.rollups import HOUR, Rollups
from pipeline.summaries.threads import ThreadChange, ThreadSummaries
from pipeline.summaries.traces import Touched, TraceSummaries
from pipeline.tell import summary_commit
from schemas.metrics import Metrics
from schemas.ports import CommitListener
from schemas.store import Store, is_retryable

MOST_TRACES: Final = 2_000
"""Traces in one round: bounds its memory, and how long a small thread waits behind a flood."""
MOST_FRESH_BYTES: Final = 64 * 1024 * 1024
"""Beyond that the next round reads from the tables."""
REST: Final = 8.0
LONGEST_REST: Final = 0.4
"""After a round of t seconds the next begins REST * t later, at most LONGEST_REST: under a trickle summaries cost a tenth of a core,
and what is shown is never older than a second."""
ON_ITS_WAY: Final = 300
"""A check made near the end of an hour may arrive this many seconds later, in the next."""
MOST_UNPRICED: Final = 10_000
"""Threads that wait for prices."""
BIG_TRACE: Final = 2_000
"""A trace of more spans than this waits longer between rounds, in proportion."""
logger = logging.getLogger(__name__)


class Summaries:
    """`touch` from any thread; `run` on one of its own."""

    def __init__(
        self,
        store: Store,
        listener: CommitListener,
        metrics: Metrics,
        interval: float,
        rollups: Rollups,
        clock: Callable[[], int] = time.time_ns,
        shared: bool = False,
        fold: Fold = fold_spans,
        costs: Costs | None = None,
    ) -> None:
        """`shared`: other processors write to the same tables, so nothing that is remembered of them holds in the next round."""
        self._shared = shared
        self._known = known = KnownTraces()
        self._traces, self._threads = TraceSummaries(store, known, fold), ThreadSummaries(store)
        self._listener, self._metrics, self._interval, self._clock, self._rollups = listener, metrics, interval, clock, rollups
        self._costs = costs or Costs(store)
        self._unpriced: OrderedDict[ThreadKey, int] = OrderedDict()
        """Threads that were told without what they cost, the latest, with the time (ns)."""
        self._lock = threading.Condition()
        self._touched_traces: dict[TraceKey, int] = {}
        self._touched_threads: dict[ThreadKey, int] = {}
        self._unplaced: set[TraceKey] = set()
        self._forget: set[TraceKey] = set()
        self._forget_all = False
        self._in_work = 0
        self._fresh: list[pa.RecordBatch] | None = None
        """Batches of `spans` with all new rows of what is touched; None when some are missing."""
        self._is_swept = False
        self._fresh_bytes = 0
        self._not_before: dict[TraceKey, float] = {}
        self._version = 0
        metrics.summary_backlog.labels("traces").set_function(self.backlog)
        metrics.summary_lag.set_function(self.lag)

    def stored(self, mapped: Mapped) -> None:
        """This batch is in the tables."""
        spans = mapped.tables.get("spans")
        with self._lock:
            if spans is not None and self._fresh is not None:
                self._fresh.append(spans)
                self._fresh_bytes += spans.nbytes
            if self._fresh_bytes > MOST_FRESH_BYTES:
                self._fresh, self._fresh_bytes = None, 0
            self._unplaced.update(mapped.unplaced)
        self._touch(mapped.traces, mapped.threads)

    def touch(self, traces: Mapping[TraceKey, int], threads: Mapping[ThreadKey, int]) -> None:
        """These have rows that their summaries do not know, the oldest received then (ns): whatever rows, so all are looked at."""
        with self._lock:
            self._unplaced.update(traces)
        self._touch(traces, threads)

    def _touch(self, traces: Mapping[TraceKey, int], threads: Mapping[ThreadKey, int]) -> None:
        with self._lock:
            for key, received in traces.items():
                self._touched_traces[key] = min(received, self._touched_traces.get(key, received))
            for thread, received in threads.items():
                self._touched_threads[thread] = min(received, self._touched_threads.get(thread, received))
            self._lock.notify_all()

    def swept(self) -> None:
        """All that the tables have and no summary knew is touched by now: from here on an unknown trace is a new one."""
        with self._lock:
            self._is_swept = not self._shared

    def rebuild(self, traces: Mapping[TraceKey, int]) -> None:
        """Summarise these whole from the tables, whatever is remembered of them; the oldest receipt then (ns)."""
        with self._lock:
            self._forget.update(traces)
            self._forget_all = True
        self.touch(traces, {})

    def forget(self) -> None:
        """The tables were changed by others: nothing remembered of them holds any more."""
        with self._lock:
            self._forget_all = True

    def backlog(self) -> int:
        """Traces and threads that wait for their summary, or are in work."""
        with self._lock:
            return len(self._touched_traces) + len(self._touched_threads) + self._in_work

    def lag(self) -> float:
        """Seconds since the oldest record was received that waits for its summary; one in work waits no more."""
        with self._lock:
            oldest = min((*self._touched_traces.values(), *self._touched_threads.values()), default=None)
        return 0.0 if oldest is None else max(0.0, (self._clock() - oldest) / 1e9)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; what is touched by then is summarised before it returns."""
        while not stop.is_set():
            with self._lock:
                self._lock.wait_for(lambda: bool(self._touched_traces or self._touched_threads) or stop.is_set(), timeout=0.5)
            if self.backlog():
                stop.wait(self._interval)
                began = time.monotonic()
                self._guarded_round()
                stop.wait(min(REST * (time.monotonic() - began), LONGEST_REST))
        while self.backlog() and self._guarded_round(everything=True):
            pass

    def _guarded_round(self, everything: bool = False) -> bool:
        touched, threads = self._take(everything)
        if not touched.traces and not threads:
            return False
        try:
            self._apart(touched, threads)
        except Exception as error:
            self._again(touched, threads)
            logger.warning(
                "summaries will be repeated",
                exc_info=not is_retryable(error),
                extra={"error": str(error)[:500], "traces": len(touched.traces)},
            )
            time.sleep(0.2)
            return not everything
        finally:
            with self._lock:
                self._in_work = 0
        return True

    def _apart(self, touched: Touched, threads: Mapping[ThreadKey, int]) -> None:
        """A round; where something in it cannot be summarised, halves of it, so that the culprit alone is left out."""
        try:
            self.round(touched, threads)
        except Exception as error:
            if is_retryable(error):
                raise
            parts = _halves(touched, threads)
            if len(parts) < 2:
                logger.exception("cannot be summarised", extra={"keys": [*touched.traces, *threads], "error": str(error)[:500]})
                return
            for traces, others in parts:
                self._apart(Touched(traces, (), touched.unplaced), others)

    def _again(self, touched: Touched, threads: Mapping[ThreadKey, int]) -> None:
        """From the tables next time: what the failed round wrote already makes its traces known."""
        with self._lock:
            self._fresh, self._fresh_bytes = None, 0
            self._unplaced |= touched.unplaced
        self._touch(touched.traces, threads)

    def _take(self, everything: bool) -> tuple[Touched, dict[ThreadKey, int]]:
        """The next round's traces and threads. Batches at hand serve only a round that takes all that is touched."""
        now = time.monotonic()
        with self._lock:
            ready = [key for key in self._touched_traces if everything or self._not_before.get(key, 0) <= now]
            fresh = tuple(self._fresh or ()) if len(ready) == len(self._touched_traces) else ()
            most = ready if fresh else ready[:MOST_TRACES]
            traces = {key: self._touched_traces.pop(key) for key in most}
            threads, self._touched_threads = self._touched_threads, {}
            unplaced = frozenset(self._unplaced & traces.keys())
            self._unplaced -= unplaced
            self._fresh, self._fresh_bytes = ([], 0) if self._is_swept and not self._touched_traces else (None, 0)
            if self._forget_all or self._shared:
                self._known.clear()
                self._threads.forget()
                self._forget_all = False
            for key in self._forget & traces.keys():
                self._known.forget(key)
            fresh = () if self._forget else fresh
            self._forget -= traces.keys()
            self._in_work = len(traces) + len(threads)
        return Touched(traces, fresh, unplaced), threads

    def round(self, touched: Touched, threads: Mapping[ThreadKey, int]) -> None:
        """Summarise exactly these now. Raises what the store raises; may be repeated."""
        version = self._next_version()
        with self._metrics.summary_seconds.labels("round").time():
            result = self._traces.update(touched, version) if touched.traces else None
            keys = set(threads) | (result.threads if result else set())
            changed = {key: own for key, own in result.segments.items() if key not in threads} if result else {}
            # Later than what it is read from is written: of two processors the one that saw more wins.
            threads_now = self._threads.update(keys, self._next_version(), changed)
        self._metrics.summary_keys.labels("traces").inc(len(touched.traces))
        self._metrics.summary_keys.labels("threads").inc(len(keys))
        if result:
            self._slow_down(result.sizes)
            self._rollups.touch(result.hours)
        self._rollups.touch((received // 10**9 - late) // HOUR * HOUR for received in threads.values() for late in (0, ON_ITS_WAY))
        if threads_now.answers is not None:
            self._rollups.touch(threads_now.answers.hours)
        self._wait_for_prices(threads_now.changes)
        self._listener.publish(summary_commit(result, threads_now, self._costs))

    def priced(self) -> None:
        """More models have a price: threads that waited for one are told again."""
        with self._lock:
            waiting, self._unpriced = self._unpriced, OrderedDict()
        self._touch({}, waiting)

    def _wait_for_prices(self, changes: Sequence[ThreadChange]) -> None:
        with self._lock:
            for change in changes:
                if self._costs.of_thread(change.row) is None:
                    self._unpriced[change.row["project"], change.row["thread_id"]] = self._clock()
            while len(self._unpriced) > MOST_UNPRICED:
                self._unpriced.popitem(last=False)

    def _next_version(self) -> int:
        self._version = max(self._version + 1, self._clock())
        return self._version

    def _slow_down(self, sizes: Mapping[TraceKey, int]) -> None:
        """Reading a big trace again and again costs the square of its length: let it wait in proportion."""
        now = time.monotonic()
        self._not_before = {key: at for key, at in self._not_before.items() if at > now}
        self._not_before.update({key: now + min(size / BIG_TRACE * 0.5, 5.0) for key, size in sizes.items() if size > BIG_TRACE})


def _halves(touched: Touched, threads: Mapping[ThreadKey, int]) -> list[tuple[dict[TraceKey, int], dict[ThreadKey, int]]]:
    """What a round is about in two parts; in one when it is about one key."""
    traces, others = list(touched.traces.items()), list(threads.items())
    if traces and others:
        return [(dict(traces), {}), ({}, dict(others))]
    first, second = (len(traces) + 1) // 2, (len(others) + 1) // 2
    parts = [(dict(traces[:first]), dict(others[:second])), (dict(traces[first:]), dict(others[second:]))]
    return [part for part in parts if part[0] or part[1]]
