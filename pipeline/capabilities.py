"""Escalation as we compute it: what was asked for minus what was held (kiwi.md, section 4)."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

CONTAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "kiwi-mcp.all": ("kiwi-mcp.execute", "kiwi-mcp.search", "kiwi-mcp.load", "kiwi-mcp.sign", "kiwi-mcp.help"),
    "kiwi-mcp.execute": ("kiwi-mcp.search", "kiwi-mcp.load", "kiwi-mcp.help"),
    "fs.write": ("fs.read",),
}
ASKED: Final = "mission_control.permission.asked"
HELD: Final = "mission_control.permission.held"
"""String arrays (or JSON text) of capabilities such as `fs.write`; `*` matches within one, as in `tool.*`."""


def expand(held: Iterable[str]) -> frozenset[str]:
    """All that is held, directly or because it is contained in what is."""
    result: set[str] = set()
    waiting = list(held)
    while waiting:
        capability = waiting.pop()
        if capability not in result:
            result.add(capability)
            waiting.extend(CONTAINS.get(capability, ()))
    return frozenset(result)


def beyond(asked: Iterable[str], held: Iterable[str]) -> list[str]:
    """What of `asked` nothing in `held` covers, sorted."""
    covered = expand(held)
    return sorted({one for one in asked if not any(one == cap or fnmatchcase(one, cap) for cap in covered)})


def escalation(found: Mapping[str, str], result: str) -> tuple[bool, str]:
    """Whether these attributes of a permission check are an escalation, and by which of our rules.

    `asked_beyond_held`: capabilities were stated. `denied_above`: somebody above the asker was denied what it got.
    `stated`: the sender says so itself and gives nothing to compute from.
    """
    if ASKED in found and HELD in found:
        return (True, "asked_beyond_held") if beyond(_list(found[ASKED]), _list(found[HELD])) else (False, "")
    chain = _list(found.get("permission.inheritance", ""))
    effects = [str(link.get("effect", "")) for link in chain if isinstance(link, dict)]
    if any(effect == "deny" for effect in effects[:-1]) and (result == "allow" or effects[-1] == "allow"):
        return True, "denied_above"
    if found.get("permission.escalation.required") == "true":
        return True, "stated"
    return False, ""


def _list(text: str) -> list[Any]:
    if not text:
        return []
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [part.strip() for part in text.split(",")]
    return data if isinstance(data, list) else [data]
