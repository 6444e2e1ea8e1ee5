"""How far back in time pages of a kind reached lately, so that the first look fills the next one."""

from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

from control import times
from control.times import HOUR

Kind = TypeVar("Kind", bound=Hashable)
_SPARE: Final = 1.5
"""A look goes so much further back than the last page reached."""
_SHORTEST: Final = 10 * times.NANOSECONDS
_KEPT: Final = 1000


class Reach(Generic[Kind]):
    """A list is read backwards in windows of time, because only what is asked for is then looked at. Each window is a query of its own: the
    fewer the better, and the shorter the better."""

    def __init__(self) -> None:
        self._lengths: dict[Kind, int] = {}

    def windows(self, kind: Kind, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Parts of [since, until] (ns), the newest first: the first as long as pages of this kind reached, the others 16 times the one before."""
        now = times.now_ns()
        return times.windows(since, until, now, HOUR if until < now else self._lengths.get(kind, HOUR))

    def reached(self, kind: Kind, until: int, oldest: int) -> None:
        """A page of this kind from `until` backwards ended at `oldest` (ns). Only those that begin now tell anything of the next."""
        now = times.now_ns()
        if until < now:
            return
        self._lengths.pop(kind, None)
        self._lengths[kind] = max(_SHORTEST, int((now - oldest) * _SPARE))
        if len(self._lengths) > _KEPT:
            del self._lengths[next(iter(self._lengths))]
