"""Attributes whose names are paths with places in them (`llm.input_messages.0.message.role`), as trees."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

SEGMENTS: Final = 10
"""Deeper than any convention nests; what is left of a longer name is one segment."""
DIGITS: Final = 4
"""Places from 10,000 on are ignored."""


def trees(found: Mapping[str, str], beginnings: Sequence[str]) -> list[dict[str, Any]]:
    """What follows each beginning, as nested dicts with texts as leaves; one look at each attribute."""
    grown: list[dict[str, Any]] = [{} for _ in beginnings]
    any_of = tuple(beginnings)
    for name, value in found.items():
        if name.startswith(any_of):
            place = next(place for place, begin in enumerate(beginnings) if name.startswith(begin))
            _grow(grown[place], name[len(beginnings[place]) :].split(".", SEGMENTS), value)
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
