"""Whether tool calls go round in circles: the same call again and again, a few calls by turns, or one call tried with ever more words. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

TIMES: Final = 3
"""A pattern this often in a row is a loop."""
LONGEST_PERIOD: Final = 3
"""Calls that may take turns in one pattern."""
SPIRAL_FROM: Final = 4
"""Calls of one tool in a row that lead nowhere; more than TIMES, because trying two or three wordings is work."""


class Call(NamedTuple):
    """`arguments` as sent, '' where unknown; `error` is the type of error it failed with, or ''."""

    tool: str
    arguments: str
    error: str


def longest_loop(calls: Sequence[Call]) -> int:
    """How many calls, in order of their start, the longest loop among them has; 0 without one."""
    said = [call[:2] for call in calls]
    return max(*(_repeats(said, period) for period in range(1, LONGEST_PERIOD + 1)), _spiral(calls))


def _repeats(said: Sequence[tuple[str, str]], period: int) -> int:
    """Calls of the longest stretch in which `period` calls take turns at least TIMES times."""
    longest = run = 0
    for now, before in zip(said[period:], said, strict=False):
        run = run + 1 if now == before else 0
        longest = max(longest, run)
    return longest + period if longest + period >= TIMES * period else 0


def _spiral(calls: Sequence[Call]) -> int:
    """Calls of the longest stretch in which one tool fails the same way with other arguments, or is given ever more words."""
    longest = run = 1
    for before, now in pairwise(calls):
        run = run + 1 if now.tool == before.tool and _leads_nowhere(before, now) else 1
        longest = max(longest, run)
    return longest if longest >= SPIRAL_FROM else 0


def _leads_nowhere(before: Call, now: Call) -> bool:
    if now.arguments == before.arguments:
        return False
    if now.error or before.error:
        return now.error == before.error
    return bool(before.arguments) and set(before.arguments.split()) < set(now.arguments.split())
