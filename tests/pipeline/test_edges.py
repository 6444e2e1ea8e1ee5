"""Threads that are not searched for loops across their traces have none."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipeline.summaries.edges import EDGE, edge_of, may_go_round
from pipeline.summaries.loops import Call, longest_loop
from pipeline.summaries.segment import Segment

LENGTH = 1000
"""Of a trace, ns."""
calls = st.lists(
    st.builds(Call, st.sampled_from("ab"), st.sampled_from(["", "x", "x y", "x y z"]), st.sampled_from(["", "Timeout"])), max_size=9
)
Trace = list[tuple[int, Call]]


def one_after_the_other(traces: Sequence[Sequence[Call]]) -> list[Trace]:
    return [[(LENGTH * place + number, call) for number, call in enumerate(said, 1)] for place, said in enumerate(traces)]


def beside_each_other(traces: Sequence[Sequence[Call]]) -> list[Trace]:
    return [[(len(traces) * number + place, call) for number, call in enumerate(said, 1)] for place, said in enumerate(traces)]


def segments(traces: Sequence[Trace]) -> list[Segment]:
    return [
        Segment(
            started=min((at for at, _ in said), default=0),
            last_seen=max((at for at, _ in said), default=0),
            tool_calls=len(said),
            edge=edge_of([(at, *call[:2]) for at, call in said]),
        )
        for said in traces
    ]


def has_loop_across(traces: Sequence[Trace]) -> bool:
    whole = longest_loop([call for _, call in sorted(call for said in traces for call in said)])
    return whole > max((longest_loop([call for _, call in said]) for said in traces), default=0)


@given(st.lists(calls, max_size=6), st.sampled_from([one_after_the_other, beside_each_other]))
def test_no_loop_across_traces_is_missed(said: list[list[Call]], placed: object) -> None:
    traces = beside_each_other(said) if placed is beside_each_other else one_after_the_other(said)
    assert may_go_round(segments(traces)) or not has_loop_across(traces)


def apart(traces: int, calls: int = 2) -> list[list[Call]]:
    return [
        [Call("read" if (trace + number) % 2 else "write", f"{trace} {number}", "") for number in range(calls)] for trace in range(traces)
    ]


def test_calls_that_differ_are_not_searched() -> None:
    for placed in (one_after_the_other, beside_each_other):
        assert not may_go_round(segments(placed(apart(5, calls=3))))
    assert not may_go_round(segments(one_after_the_other(apart(5, calls=2 * EDGE + 2))))
    assert not may_go_round(segments(one_after_the_other(apart(1, calls=4))))
    assert not may_go_round([])


def test_what_cannot_be_known_is_searched() -> None:
    known = segments(one_after_the_other(apart(3)))
    assert not may_go_round(known)
    known[1].edge = None  # read from the store
    assert may_go_round(known)
    assert may_go_round(segments(beside_each_other(apart(2, calls=2 * EDGE + 2))))  # who is next to whom, nobody remembers
    assert may_go_round(segments([[(1, call) for call in said] for said in apart(3)]))  # all begin together
