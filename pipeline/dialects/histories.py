"""Attributes in which a sender repeats all that was said before: kept by content, whole, out of the span's own attributes."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import orjson

SHORT: Final = 1_000
"""Characters: what is not longer stays where it is, and so much of the rest is shown where no message was made of it."""
_SPOKEN: Final = ("gen_ai.input.messages", "gen_ai.output.messages")


def put_away(found: dict[str, str], histories: Sequence[str], keep: Callable[[str], str]) -> dict[str, str]:
    """Take long histories out of `found`; returns the references by attribute that stand for them.

    Of a beginning that ends in `.` all attributes together are one text, a JSON array of [name, value], under the beginning and `*`.
    """
    names, beginnings = kinds(tuple(histories))
    references: dict[str, str] = {}
    spoken = _SPOKEN[0] in found or _SPOKEN[1] in found
    for name in names:
        if name in found and len(value := found[name]) > SHORT:
            references[name] = keep(value)
            if spoken:
                del found[name]
            else:
                found[name] = value[:SHORT]
    if beginnings and (inside := [item for item in found.items() if item[0].startswith(beginnings)]):
        for beginning in beginnings:
            _put_away_all(found, [item for item in inside if item[0].startswith(beginning)], f"{beginning}*", references, keep)
    return references


@lru_cache(64)
def kinds(histories: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Whole names, and beginnings."""
    return tuple(name for name in histories if name[-1] != "."), tuple(name for name in histories if name[-1] == ".")


def _put_away_all(
    found: dict[str, str], inside: Sequence[tuple[str, str]], name: str, references: dict[str, str], keep: Callable[[str], str]
) -> None:
    if sum(len(own) + len(value) for own, value in inside) > SHORT:
        references[name] = keep(orjson.dumps(inside).decode())
        for own, _ in inside:
            del found[own]


def brought_back(found: Mapping[str, str], references: Mapping[str, str], text: Callable[[str], str]) -> dict[str, str]:
    """The attributes as the sender gave them, given what finds the text behind a reference."""
    result = dict(found)
    for name, reference in references.items():
        if name.endswith(".*"):
            result.update(orjson.loads(text(reference)))
        else:
            result[name] = text(reference)
    return result
