"""Requests of traces through both mappings, Python's and the kernel's, and what must be equal of what they make of them."""

import importlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry

from pipeline import native
from pipeline.batch import Mapped, Sent
from pipeline.context import Envelope, Retention
from pipeline.mappers import mapper
from pipeline.seen import SeenCache
from schemas.events import EVERYTHING, Event
from schemas.metrics import Metrics
from schemas.topics import SPANS

RECEIVED: Final = 1_760_000_500_000_000_000
MCPS: Final = {"shop": {"spans": 3}}


def built() -> bool:
    try:
        importlib.import_module(native.MODULE)
    except ImportError:
        return False
    return True


needs_kernel = pytest.mark.skipif(not built(), reason="the native kernel is not built (make kernel)")


BY_BOTH: Final = ("python", pytest.param("native", marks=needs_kernel))
"""For tests that hold for either mapping."""


def days(project: str, signal: str) -> int:
    return 7 + len(project) % 5


def sent(requests: Iterable[Message | bytes], project: str = "") -> list[Sent]:
    raws = [request if isinstance(request, bytes) else request.SerializeToString() for request in requests]
    return [(Envelope(SPANS, 3, 100 + place, RECEIVED + place, "test", project, len(raw)), raw) for place, raw in enumerate(raws)]


class Both:
    """The two mappings side by side, each with its own memory of one and the same store."""

    def __init__(self, retention: Retention = days) -> None:
        loaded = native.load(Metrics(CollectorRegistry()))
        assert loaded is not None
        self.native, self._retention = loaded, retention
        self._memories = (SeenCache(), SeenCache())

    def outcomes(self) -> dict[str, int]:
        """Requests so far by what the kernel did with them."""
        return {name: int(self.native.requests.labels(name)._value.get()) for name in ("taken", "left", "failed")}

    def taken(self, requests: Sequence[Sent]) -> int:
        """Maps a batch in both ways and compares; returns how many requests the kernel took."""
        before = self.outcomes()["taken"]
        mine = mapper(SPANS, self._memories[0], self._retention, MCPS, self.native).map(requests)
        theirs = mapper(SPANS, self._memories[1], self._retention, MCPS).map(self._in_order(requests))
        assert_same(mine, theirs)
        for memory, mapped in zip(self._memories, (mine, theirs), strict=True):
            memory.add(mapped.seen)
        return self.outcomes()["taken"] - before

    def _in_order(self, requests: Sequence[Sent]) -> list[Sent]:
        """As they are mapped: those of the kernel first."""
        given = [(raw, around.received, around.partition, around.offset, around.project) for around, raw in requests]
        left = set(self.native.kernel.map(given, Nothing(), self._retention, native.Reader(requests, self._retention)).left)
        places = sorted(range(len(requests)), key=lambda place: (place in left, place))
        return [requests[place] for place in places]


class Nothing:
    """A Seen for a store without rows."""

    def has_body(self, project: str, key: bytes) -> bool:
        return False

    def has_message(self, identity: Any, at: int) -> bool:
        return False


def assert_same(mine: Mapped, theirs: Mapped) -> None:
    """Row for row, column for column, and everything beside the tables."""
    assert list(mine.tables) == list(theirs.tables)
    for name, table in theirs.tables.items():
        own = mine.tables[name]
        assert own.schema.equals(table.schema), name
        own.validate(full=True)
        for column in table.schema.names:
            assert own.column(column).to_pylist() == table.column(column).to_pylist() or repr(own.column(column).to_pylist()) == repr(
                table.column(column).to_pylist()
            ), (name, column)
    assert list(mine.ledger) == list(theirs.ledger)
    assert list(mine.traces.items()) == list(theirs.traces.items())
    assert set(mine.seen.bodies) == set(theirs.seen.bodies)
    assert dict(mine.seen.messages) == dict(theirs.seen.messages)
    assert list(mine.dead_letters) == list(theirs.dead_letters)
    assert set(mine.unplaced) == set(theirs.unplaced)
    assert dict(mine.threads) == dict(theirs.threads)
    assert _by_type(mine) == _by_type(theirs)


def _by_type(mapped: Mapped) -> list[Event]:
    """Events of one type in their order: a batch of two parts tells all of the one before the other."""
    return sorted(mapped.events(EVERYTHING), key=lambda event: event.type)
