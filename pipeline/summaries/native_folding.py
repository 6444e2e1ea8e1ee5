"""Folds the traces of a round in the kernel, where one is built: what `folding` makes of them, at a fraction of the time."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa

from pipeline.batch import TraceKey
from pipeline.dialects.same_call import COVER
from pipeline.summaries import loops, roots, tree
from pipeline.summaries.facts import LOGIC_COLUMNS
from pipeline.summaries.folding import fold_spans
from pipeline.summaries.folds import OWN, Fold, Folds, Moved, TraceFold
from pipeline.summaries.segment import Segment
from pipeline.vocabulary import MCP_SESSION_RANK

SPEC: Final[Mapping[str, str | int]] = {
    "cover": COVER, "times": loops.TIMES, "longest_period": loops.LONGEST_PERIOD, "spiral_from": loops.SPIRAL_FROM, "most_hops": tree.MOST_HOPS,
    "mcp_session_rank": MCP_SESSION_RANK, "most_attributes": roots.MOST_ATTRIBUTES, "longest_value": roots.LONGEST_VALUE,
}  # fmt: skip
"""What the rules go by, said once."""
_READ: Final = (*LOGIC_COLUMNS, "attributes")
logger = logging.getLogger(__name__)


class NativeFolds(Protocol):
    """`traces`: arguments of `TraceFold`, segments as (thread, text, received in ns, retention days), moved as triples of texts;
    `steps` has `__arrow_c_array__`."""

    traces: Sequence[tuple[Any, ...]]
    steps: Any


class Folder(Protocol):
    def fold(self, spans: pa.RecordBatch, touched: Sequence[TraceKey]) -> NativeFolds:
        """Lets go of the GIL while it works. Raises the kernel's error."""
        ...


def native_fold(folder: Folder, error: type[Exception]) -> Fold:
    """A `Fold` by the kernel; what it fails at, the reference folds."""

    def fold(spans: pa.Table, touched: Mapping[TraceKey, int]) -> Folds:
        try:
            return _folds(folder.fold(_whole(spans.select(_READ)), list(touched)))
        except error as failed:
            logger.warning("the native kernel failed; Python folds this round", extra={"error": str(failed)})
            return fold_spans(spans, touched)

    return fold


def _whole(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)


def _folds(found: NativeFolds) -> Folds:
    steps = pa.record_batch(found.steps)
    own = steps.select([name for name, _ in OWN])
    return Folds([_trace(*trace) for trace in found.traces], steps.column("row"), own)


def _trace(
    project: str,
    trace_id: str,
    main_thread: str,
    first: int,
    steps: int,
    spans: int,
    segments: Sequence[tuple[str, str, int, int]],
    moved: Sequence[tuple[str, str, str]],
    marks: bytes,
) -> TraceFold:
    parts = {
        thread: Segment.from_json(text, trace_id=trace_id, received=received, retention_days=days)
        for thread, text, received, days in segments
    }
    return TraceFold(project, trace_id, main_thread, first, steps, spans, parts, [Moved(*one) for one in moved], marks)
