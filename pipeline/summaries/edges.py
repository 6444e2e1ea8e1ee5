"""How the tool calls of each trace begin and end, remembered so that few threads need to be searched for loops across their traces."""

from collections.abc import Collection, Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.summaries.folds import Folds
from pipeline.summaries.loops import LONGEST_PERIOD, SPIRAL_FROM, TIMES
from pipeline.summaries.segment import Edge, Segment

EDGE: Final = max(LONGEST_PERIOD, SPIRAL_FROM - 1)
"""Of a loop across two traces so many calls at the end of the one, and at the beginning of the other, show that there may be one."""


def see_edges(spans: pa.Table, folds: Folds) -> None:
    """Give each segment of `folds` its edge. `spans` is the table that their rows point into."""
    places = pc.indices_nonzero(pc.equal(spans.column("type").take(folds.rows), "tool_call"))
    begun, said = (spans.column(name).take(folds.rows.take(places)).to_pylist() for name in ("started", "input"))
    tools, threads = (folds.own.column(name).take(places).to_pylist() for name in ("tool_name", "thread_id"))
    ends = pa.array([fold.first + fold.steps for fold in folds.traces], pa.int64()).to_numpy()
    traces = ends.searchsorted(places.to_numpy(), side="right").tolist()
    calls: dict[tuple[int, str], list[tuple[int, str, str]]] = {}
    for trace, thread, started, tool, arguments in zip(traces, threads, begun, tools, said, strict=True):
        calls.setdefault((trace, thread), []).append((started, tool, arguments))
    for trace, fold in enumerate(folds.traces):
        for thread, segment in fold.segments.items():
            segment.edge = edge_of(calls.get((trace, thread), []))


def edge_of(calls: Sequence[tuple[int, str, str]]) -> Edge:
    """`calls`: start (ns), tool and arguments, in order."""
    near = calls if len(calls) <= 2 * EDGE else [*calls[:EDGE], *calls[-EDGE:]]
    return tuple((started, tool, hash((tool, arguments))) for started, tool, arguments in near)


def may_go_round(segments: Collection[Segment]) -> bool:
    """Whether calls of several of these traces of a thread may make a loop together: False only where they do not."""
    traces = sorted((one for one in segments if one.tool_calls), key=lambda one: one.started)
    if len(traces) < 2 or sum(one.tool_calls for one in traces) < TIMES:
        return False
    calls = [call for one in traces for call in one.edge or ()]
    if any(one.edge is None for one in traces) or (len(calls) < sum(one.tool_calls for one in traces) and _take_turns(traces)):
        return True
    calls.sort()
    starts, prints = {started for started, _, _ in calls}, {print_ for _, _, print_ in calls}
    if min(len(starts), len(prints)) < len(calls):  # begun together, in whichever order; or made before
        return True
    return any(len(list(run)) >= SPIRAL_FROM for _, run in groupby(calls, itemgetter(1)))


def _take_turns(traces: Sequence[Segment]) -> bool:
    """Whether one of these, by start, began before another had ended."""
    return any(now.started <= before for now, before in zip(traces[1:], accumulate((one.last_seen for one in traces), max), strict=False))
