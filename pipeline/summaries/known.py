"""What is remembered of recent traces, so that most rounds need not ask the store about them."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from pipeline.batch import TraceKey
from pipeline.summaries.fold import TraceFold

Marks = dict[tuple[str, str], int]
"""(thread id, step id) -> fingerprint of the step as it was written last"""


@dataclass(slots=True)
class KnownTrace:
    """`first_received` (ns) bounds where its rows lie; `steps` are those stored for it, None when only the store knows."""

    first_received: int
    threads: tuple[str, ...] = ()
    main_thread: str = ""
    steps: Marks | None = None
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
        self._size += 1 + len(known.steps or ())
        while self._size > self._capacity and self._traces:
            self.forget(next(iter(self._traces)))

    def forget(self, key: TraceKey) -> None:
        if (old := self._traces.pop(key, None)) is not None:
            self._size -= 1 + len(old.steps or ())

    def remember(self, key: TraceKey, fold: TraceFold, first_received: int, steps: Marks) -> None:
        self.put(key, KnownTrace(first_received, tuple(fold.segments), fold.main_thread, steps))
