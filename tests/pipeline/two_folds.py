"""The traces of a round through both folds, Python's and the kernel's, and what must be equal of what they make of them."""

from collections.abc import Mapping

import pyarrow as pa

from pipeline.batch import TraceKey
from pipeline.native import Native
from pipeline.summaries.folding import fold_spans
from pipeline.summaries.folds import Fold, Folds, Marks, TraceFold, mark


def held(native: Native | None, answers: str) -> Fold:
    """A fold that says what the one named `answers` ("python", "native") says; where there is a kernel both are asked, and must agree."""
    if native is None:
        return fold_spans
    kernel, said = native.fold, _Marks()

    def fold(spans: pa.Table, touched: Mapping[TraceKey, int]) -> Folds:
        python, natively = fold_spans(spans, touched), kernel(spans, touched)
        assert_same(python, natively)
        said.compare(python, natively)
        return natively if answers == "native" else python

    return fold


def assert_same(one: Folds, other: Folds) -> None:
    """But for the marks, whose hashes are each fold's own."""
    assert len(one.traces) == len(other.traces)
    for mine, theirs in zip(one.traces, other.traces, strict=True):
        assert _told(mine) == _told(theirs)
    assert one.rows.equals(other.rows)
    assert one.own.to_pydict() == other.own.to_pydict()


def _told(trace: TraceFold) -> tuple[object, ...]:
    return trace.key, trace.main_thread, trace.first, trace.steps, trace.spans, list(trace.segments.items()), list(trace.moved)


class _Marks:
    """Of each step and state of it that was seen, what either fold called it: they must tell the same things apart."""

    def __init__(self) -> None:
        self._names: dict[tuple[TraceKey, bytes], bytes] = {}

    def compare(self, one: Folds, other: Folds) -> None:
        for mine, theirs in zip(one.traces, other.traces, strict=True):
            for name, alias in zip(_each(mine.marks), _each(theirs.marks), strict=True):
                assert self._names.setdefault((mine.key, name), alias) == alias
                assert self._names.setdefault((mine.key, alias), name) == name


def _each(marks: Marks) -> list[bytes]:
    size = len(mark(0, 0))
    return [marks[place : place + size] for place in range(0, len(marks), size)]
