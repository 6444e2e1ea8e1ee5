"""What is remembered of recent traces, so that most rounds need not ask the store about them."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from pipeline.batch import ThreadKey, TraceKey
from pipeline.summaries.folds import MARK_BYTES, Marks, TraceFold
from pipeline.summaries.segment import Segment
from pipeline.summaries.thread import Activity, Checks


@dataclass(slots=True)
class KnownTrace:
    """`first_received` (ns) bounds where its rows lie; `marks` are those of the steps stored for it, None when only the store knows."""

    first_received: int
    threads: tuple[str, ...] = ()
    main_thread: str = ""
    marks: Marks | None = None
    is_new: bool = False


class KnownTraces:
    """Bounded by the number of steps remembered; the longest untouched go first."""

    def __init__(self, capacity: int = 300_000) -> None:
        self._capacity: Final = capacity
        self._traces: OrderedDict[TraceKey, KnownTrace] = OrderedDict()
        self._size = 0

    def get(self, key: TraceKey) -> KnownTrace | None:
        return self._traces.get(key)

    def put(self, key: TraceKey, known: KnownTrace) -> None:
        self.forget(key)
        self._traces[key] = known
        self._size += 1 + len(known.marks or b"") // MARK_BYTES
        while self._size > self._capacity and self._traces:
            self.forget(next(iter(self._traces)))

    def forget(self, key: TraceKey) -> None:
        if (old := self._traces.pop(key, None)) is not None:
            self._size -= 1 + len(old.marks or b"") // MARK_BYTES

    def clear(self) -> None:
        self._traces.clear()
        self._size = 0

    def remember(self, fold: TraceFold, first_received: int) -> None:
        self.put(fold.key, KnownTrace(first_received, tuple(fold.segments), fold.main_thread, fold.marks))


StoredThread = tuple[int, str, int]
"""Start (ns), status, retention days."""


@dataclass(slots=True)
class KnownThread:
    """All that a thread's row is made of, and the rows that are stored of it."""

    segments: dict[str, Segment]
    heard: Activity | None
    checks: Checks
    stored: list[StoredThread]
    loop: int = 0
    """Tool calls of the longest loop across traces."""


class KnownThreads:
    """Bounded by the number of segments remembered; the longest untouched go first."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity: Final = capacity
        self._threads: OrderedDict[ThreadKey, KnownThread] = OrderedDict()
        self._size = 0

    def take(self, key: ThreadKey) -> KnownThread | None:
        """What is known, which is forgotten with that: whoever takes it puts it back when all went well."""
        if (known := self._threads.pop(key, None)) is not None:
            self._size -= 1 + len(known.segments)
        return known

    def put(self, key: ThreadKey, known: KnownThread) -> None:
        self._threads[key] = known
        self._size += 1 + len(known.segments)
        while self._size > self._capacity and self._threads:
            self.take(next(iter(self._threads)))

    def clear(self) -> None:
        self._threads.clear()
        self._size = 0
