"""Attributes whose names are paths with places in them (`llm.input_messages.0.message.role`), as trees."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

SEGMENTS: Final = 10
"""Deeper than any convention nests; what is left of a longer name is one segment."""
DIGITS: Final = 4
"""Places from 10,000 on are ignored."""
REMEMBERED: Final = 50_000
"""Names of attributes."""
REMEMBERED_LENGTH: Final = 4_096
"""Characters of an entry."""
Entry: TypeAlias = tuple[tuple[str, str], ...]
"""What one place in a list holds: names after the place, with their values."""


class Lists:
    """What follows certain beginnings, a place in a list first: `gen_ai.prompt.` then `0.role`. Names are read once and remembered."""

    def __init__(self, *beginnings: str) -> None:
        self._beginnings = beginnings
        self._places = _Places(beginnings)

    def entries(self, found: Mapping[str, str]) -> list[list[Entry]]:
        """For each beginning its entries, by place; places may be missing or start at 1."""
        lists: list[dict[int, list[tuple[str, str]]]] = [{} for _ in self._beginnings]
        places = self._places
        for name, value in found.items():
            if (place := places[name]) is not None:
                number, at, rest = place
                if (entry := lists[number].get(at)) is None:
                    lists[number][at] = [(rest, value)]
                else:
                    entry.append((rest, value))
        return [[tuple(entries[place]) for place in sorted(entries)] for entries in lists]


class _Places(dict[str, tuple[int, int, str] | None]):
    """Name -> which beginning, which place, and what comes after; None for other names."""

    def __init__(self, beginnings: Sequence[str]) -> None:
        super().__init__()
        self._beginnings = beginnings

    def __missing__(self, name: str) -> tuple[int, int, str] | None:
        if len(self) >= REMEMBERED:
            self.clear()
        place = self[name] = self._read(name)
        return place

    def _read(self, name: str) -> tuple[int, int, str] | None:
        for number, begin in enumerate(self._beginnings):
            if name.startswith(begin):
                place, dot, rest = name[len(begin) :].partition(".")
                is_place = len(place) <= DIGITS and place.isascii() and place.isdecimal()
                return (number, int(place), rest) if is_place and dot and rest else None
        return None


def is_short(entry: Entry) -> bool:
    """Whether what it comes to is worth remembering: longer ones would fill memory."""
    length = 0
    for _, value in entry:
        length += len(value)
    return length <= REMEMBERED_LENGTH


def tree(entry: Entry) -> dict[str, Any]:
    """An entry as nested dicts with texts as leaves."""
    grown: dict[str, Any] = {}
    for name, value in entry:
        _grow(grown, name.split(".", SEGMENTS), value)
    return grown


def _grow(tree: dict[str, Any], path: list[str], value: str) -> None:
    """A name that is also the beginning of another one is kept as whichever came first."""
    for segment in path[:-1]:
        inner: Any = tree.setdefault(segment, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree.setdefault(path[-1], value)


def entries(tree: Any) -> list[dict[str, Any]]:
    """The branches at the places of a list, by place; places may be missing or start at 1."""
    if not isinstance(tree, dict):
        return []
    places = [place for place in tree if len(place) <= DIGITS and place.isascii() and place.isdecimal() and isinstance(tree[place], dict)]
    return [tree[place] for place in sorted(places, key=int)]


def branch(tree: Any, *path: str) -> dict[str, Any]:
    """The branch at a path; {} when there is none."""
    for segment in path:
        tree = tree.get(segment) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def leaf(tree: Any, *path: str) -> str:
    """The text at a path; '' when there is none."""
    text = branch(tree, *path[:-1]).get(path[-1])
    return text if isinstance(text, str) else ""
