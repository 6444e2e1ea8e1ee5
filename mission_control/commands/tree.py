"""A timeline as an indented tree: steps under the step that caused them, siblings in the order of time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from mission_control.client import Row

DEEPEST: Final = 24
"""Deeper levels are indented no further."""


def walk(items: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """(depth, item), every item once, whatever its parents say: unknown ones make a root, a ring begins at its oldest."""
    children: dict[str, list[int]] = defaultdict(list)
    known = {str(item["step_id"]) for item in items}
    roots = []
    for place, item in enumerate(items):
        parent = str(item.get("parent_step_id") or "")
        if parent in known and parent != item["step_id"]:
            children[parent].append(place)
        else:
            roots.append(place)
    seen: set[int] = set()
    # After the roots whatever they do not reach: rings of parents.
    for start in [*roots, *range(len(items))]:
        yield from _below(items, children, start, seen)


def _below(items: Sequence[Row], children: dict[str, list[int]], start: int, seen: set[int]) -> Iterator[tuple[int, Row]]:
    waiting = [(0, start)]
    while waiting:
        depth, place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        yield min(depth, DEEPEST), items[place]
        waiting.extend((depth + 1, child) for child in reversed(children[str(items[place]["step_id"])]))
