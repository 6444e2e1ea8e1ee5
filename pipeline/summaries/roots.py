"""What the roots of a trace's threads said of themselves: attributes without a column of their own."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from pipeline.summaries.fold import Folded

MOST_ATTRIBUTES: Final = 100
LONGEST_VALUE: Final = 1_000
"""Characters; the step keeps all of it."""


def add_attributes(spans: pa.Table, folds: Sequence[Folded]) -> None:
    """Give each segment the attributes of its root. `spans` is the table that the folds' rows point into."""
    roots = [(fold.segments[thread], row) for fold in folds for thread, row in fold.roots.items()]
    found = spans.column("attributes").take(pa.array([row for _, row in roots], pa.int64())).to_pylist()
    for (segment, _), said in zip(roots, found, strict=True):
        segment.attributes = {name: value[:LONGEST_VALUE] for name, value in said[:MOST_ATTRIBUTES]}
