"""The traces of a round, folded: one form, whether Python folded them (`folding`) or the kernel (`native_folding`)."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pyarrow as pa

from pipeline.batch import TraceKey
from pipeline.summaries.segment import Segment

Marks = bytes
"""16 bytes per step: a hash that says which step it is (thread and step id), and one of all that is written of it."""
_MARK: Final = struct.Struct("=QQ")
MARK_BYTES: Final = _MARK.size
OWN: Final = (
    ("thread_id", pa.string()), ("parent_step_id", pa.string()), ("span_ids", pa.list_(pa.string())), ("status", pa.string()),
    ("mcp_id", pa.string()), ("tool_name", pa.string()), ("tool_call_id", pa.string()), ("error_type", pa.string()), ("error_message", pa.string()),
)  # fmt: skip
"""Columns of a step that only the whole trace knows; the others are those of its outermost span."""


class Moved(NamedTuple):
    """A span with messages whose key says another thread than the trace found."""

    span_id: str
    thread_key: str
    thread_id: str


@dataclass(frozen=True, slots=True)
class TraceFold:
    """What one trace comes to: its steps are `Folds.own[first : first + steps]`, which show `spans` spans."""

    project: str
    trace_id: str
    main_thread: str
    first: int
    steps: int
    spans: int
    segments: Mapping[str, Segment]
    moved: Sequence[Moved]
    marks: Marks

    @property
    def key(self) -> TraceKey:
        return self.project, self.trace_id

    def changed(self, before: Marks | None) -> Sequence[int]:
        """Places in `Folds.own` of the steps that are not as `before` has them; all of them when nobody knows what was before."""
        everything = range(self.first, self.first + self.steps)
        if not before:
            return everything
        if before == self.marks:
            return ()
        old = dict(_marks(before))
        return [place for place, (step, print_) in zip(everything, _marks(self.marks), strict=True) if old.get(step) != print_]

    def has_lost(self, before: Marks | None) -> bool:
        """Whether a step of `before` is none any more, as far as anybody knows."""
        return before is None or not step_marks(before) <= step_marks(self.marks)


@dataclass(frozen=True, slots=True)
class Folds:
    """`rows`: of each step its outermost span's row in the spans that were folded; `own`: columns `OWN` of each step."""

    traces: Sequence[TraceFold]
    rows: pa.Array
    own: pa.RecordBatch

    def placed(self, fold: TraceFold) -> Mapping[str, str]:
        """span id -> thread; '' stands for whatever the trace shows no span of."""
        own = self.own.slice(fold.first, fold.steps)
        steps = zip(own.column("thread_id").to_pylist(), own.column("span_ids").to_pylist(), strict=True)
        return {"": fold.main_thread} | {span: thread for thread, spans in steps for span in spans}


Fold = Callable[[pa.Table, Mapping[TraceKey, int]], Folds]
"""Folds those traces among the spans (columns of `sql/trace_spans.sql`) that are named; a span that came twice counts in its newest form."""


def _marks(marks: Marks) -> Iterator[tuple[int, int]]:
    return _MARK.iter_unpack(marks)


def step_marks(marks: Marks) -> set[int]:
    """Which steps these are."""
    return {step for step, _ in _marks(marks)}


def mark(step: int, print_: int) -> Marks:
    """Of any two integers, such as `hash` gives."""
    return _MARK.pack(step & 0xFFFF_FFFF_FFFF_FFFF, print_ & 0xFFFF_FFFF_FFFF_FFFF)
