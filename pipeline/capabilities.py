"""Escalation as we compute it: what was asked for minus what was held (kiwi.md, section 4)."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

import orjson

CONTAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "kiwi-mcp.all": ("kiwi-mcp.execute", "kiwi-mcp.search", "kiwi-mcp.load", "kiwi-mcp.sign", "kiwi-mcp.help"),
    "kiwi-mcp.execute": ("kiwi-mcp.search", "kiwi-mcp.load", "kiwi-mcp.help"),
    "fs.write": ("fs.read",),
}
ASKED: Final = "mission_control.permission.asked"
HELD: Final = "mission_control.permission.held"
"""String arrays (or JSON text) of capabilities such as `fs.write`; `*` matches within one, as in `tool.*`."""
MODE: Final = "permission.mode"
"""The mode that an agent decides in. Others call it by one of these names too."""
MODES: Final = (MODE, "permission_mode", "approval_policy", "approval_mode")
AUTO_ACCEPT: Final = frozenset({"acceptedits", "bypasspermissions", "auto", "autoedit", "yolo", "never"})
"""Modes in which nobody is asked: Claude Code's acceptEdits, auto and bypassPermissions, Gemini CLI's autoEdit and yolo, Codex' policy never."""
BY_NAME: Final = frozenset({"tool", "mcp", "agent", "capability", "skill", "prompt", "model"})
"""Types of resources of which there are few: each counts by its name. Of files, addresses and records there is always another one."""
NOT_ASKED_FOR: Final = frozenset({"guardrail", "policy", "mode"})
"""Types of what decides, or of how: no agent asks for them."""


class Escalation(NamedTuple):
    """By which of our rules, and why in plain words; both '' for none."""

    rule: str = ""
    reason: str = ""


NONE: Final = Escalation()


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


def escalation(found: Mapping[str, str], result: str) -> Escalation:
    """Whether these attributes of a permission check are an escalation, and by which of our rules.

    `asked_beyond_held`: capabilities were stated. `denied_above`: somebody above the asker was denied what it got.
    `stated`: the sender says so itself and gives nothing to compute from. `auto_accept`: allowed by a mode that asks nobody.
    """
    if ASKED in found and HELD in found:
        if more := beyond(_list(found[ASKED]), _list(found[HELD])):
            return Escalation("asked_beyond_held", f"asked for {', '.join(more)}, which is not held above it")
        return _auto_accepted(found, result)
    chain = _list(found.get("permission.inheritance", ""))
    effects = [str(link.get("effect", "")) for link in chain if isinstance(link, dict)]
    if any(effect == "deny" for effect in effects[:-1]) and (result == "allow" or effects[-1] == "allow"):
        return Escalation("denied_above", "got what was denied to somebody above it")
    if found.get("permission.escalation.required") == "true":
        return Escalation("stated", "its sender calls it an escalation")
    return _auto_accepted(found, result)


def _auto_accepted(found: Mapping[str, str], result: str) -> Escalation:
    mode = next((found[name] for name in MODES if found.get(name)), "")
    if result == "allow" and asks_nobody(mode) and not found.get("permission.source", "").startswith("user"):
        return Escalation("auto_accept", f"allowed without asking, in the mode {mode}")
    return NONE


def asks_nobody(mode: str) -> bool:
    """Whether an agent in this mode goes ahead without anybody's word; modes are told apart by their letters alone."""
    return "".join(letter for letter in mode.lower() if letter.isalpha()) in AUTO_ACCEPT


def asked_for(kind: str, name: str, action: str) -> str:
    """What a check is about, as it counts for what is new to an agent: `tool:shell.run`, but `write file` whichever file; '' for nothing."""
    if kind in NOT_ASKED_FOR or not (kind or name):
        return ""
    return f"{kind}:{name}" if kind in BY_NAME and name else f"{action} {kind}".strip()


def _list(text: str) -> list[Any]:
    if not text:
        return []
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [part.strip() for part in text.split(",")]
    return data if isinstance(data, list) else [data]
