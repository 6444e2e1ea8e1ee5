"""Costly answers that many share, and how far back lists look first."""

import asyncio

import pytest

from control.reach import Reach
from control.shared import Shared
from control.times import END, HOUR, now_ns


class Asked:
    """Counts how often it is asked, and answers once it may."""

    def __init__(self) -> None:
        self.times = 0
        self.may_answer = asyncio.Event()

    async def answer(self) -> int:
        self.times += 1
        answer = self.times
        await self.may_answer.wait()
        return answer


async def test_all_who_ask_at_once_share_one_answer() -> None:
    asked, shared = Asked(), Shared[int](fresh=3600)
    waiting = [asyncio.ensure_future(shared.get("a", asked.answer)) for _ in range(3)]
    other = asyncio.ensure_future(shared.get("b", asked.answer))
    await asyncio.sleep(0)
    waiting[0].cancel()
    asked.may_answer.set()
    one, same, another = await asyncio.gather(*waiting[1:], other)
    assert waiting[0].cancelled()
    assert one == same == await shared.get("a", asked.answer)
    assert {one, another} == {1, 2}


async def test_old_answers_and_failures_are_asked_for_again() -> None:
    asked, shared = Asked(), Shared[int](fresh=0)
    asked.may_answer.set()
    assert [await shared.get("a", asked.answer), await shared.get("a", asked.answer)] == [1, 2]

    async def fail() -> int:
        raise OSError("away")

    kept = Shared[int](fresh=3600)
    with pytest.raises(OSError, match="away"):
        await kept.get("a", fail)
    assert await kept.get("a", asked.answer) == 3


async def test_only_so_many_answers_are_kept() -> None:
    asked, shared = Asked(), Shared[int](fresh=3600)
    asked.may_answer.set()
    for key in (*range(101), 100, 0):
        await shared.get(key, asked.answer)
    assert asked.times == 102


def test_a_list_looks_first_as_far_back_as_it_reached() -> None:
    reach, now = Reach[str](), now_ns()
    assert now - next(reach.windows("a", 0, END))[0] == pytest.approx(HOUR, rel=0.05)
    reach.reached("a", END, now - 40 * HOUR)
    reach.reached("a", now - HOUR, now - 2 * HOUR)  # of a later page: tells nothing of the first
    assert now - next(reach.windows("a", 0, END))[0] == pytest.approx(60 * HOUR, rel=0.05)
    assert next(reach.windows("a", 0, now - HOUR)) == (now - 2 * HOUR, now - HOUR)
    assert now - next(reach.windows("b", 0, END))[0] == pytest.approx(HOUR, rel=0.05)
    reach.reached("a", END, 0)
    assert list(reach.windows("a", 0, END)) == [(0, END)]
    for kind in range(1000):
        reach.reached(str(kind), END, 0)
    assert now - next(reach.windows("a", 0, END))[0] == pytest.approx(HOUR, rel=0.05)
