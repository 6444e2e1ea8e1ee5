"""Attributes in which a sender repeats all that was said before: kept by content, whole, out of the span's own attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson

SHORT: Final = 1_000
"""Characters: what is not longer stays where it is, and so much of the rest is shown where no message was made of it."""
_SPOKEN: Final = ("gen_ai.input.messages", "gen_ai.output.messages")


def put_away(found: dict[str, str], histories: Sequence[str], keep: Callable[[str], str]) -> dict[str, str]:
    """Take long histories out of `found`; returns the references by attribute that stand for them.

    Of a beginning that ends in `.` all attributes together are one text, a JSON array of [name, value], under the beginning and `*`.
    """
    spoken = _SPOKEN[0] in found or _SPOKEN[1] in found
    references: dict[str, str] = {}
    for name in histories:
        if name.endswith("."):
            _put_away_all(found, name, references, keep)
        elif len(value := found.get(name, "")) > SHORT:
            references[name] = keep(value)
            if spoken:
                del found[name]
            else:
                found[name] = value[:SHORT]
    return references


def _put_away_all(found: dict[str, str], beginning: str, references: dict[str, str], keep: Callable[[str], str]) -> None:
    inside = [item for item in found.items() if item[0].startswith(beginning)]
    if sum(len(name) + len(value) for name, value in inside) > SHORT:
        references[f"{beginning}*"] = keep(orjson.dumps(inside).decode())
        for name, _ in inside:
            del found[name]


def brought_back(found: Mapping[str, str], references: Mapping[str, str], text: Callable[[str], str]) -> dict[str, str]:
    """The attributes as the sender gave them, given what finds the text behind a reference."""
    result = dict(found)
    for name, reference in references.items():
        if name.endswith(".*"):
            result.update(orjson.loads(text(reference)))
        else:
            result[name] = text(reference)
    return result
