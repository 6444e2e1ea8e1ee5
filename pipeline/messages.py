"""Messages of LLM calls: from attributes to rows whose identity survives resending, and bodies stored once by content."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from pipeline.vocabulary import MESSAGE_SOURCES

HASH_BYTES: Final = 16
BLOCK: Final = 32
"""References to this many messages are one body of their own, so a growing history is not spelled out in every call."""
ROLES: Final[Mapping[str, str]] = {"human": "user", "ai": "assistant", "model": "assistant", "agent": "assistant", "function": "tool"}


class Message(NamedTuple):
    """One message of one call. `occurrence` counts equal ones within the call, from 1. A tuple, because there are many."""

    role: str
    body: bytes
    hash: bytes
    occurrence: int
    direction: str
    position: int
    tool_call_id: str
    tool_name: str
    finish_reason: str


def digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=HASH_BYTES).digest()


def call_messages(found: Mapping[str, str]) -> dict[str, list[Message]]:
    """The messages in a call's attributes, in reading order, by the attribute that holds them."""
    seen: Counter[tuple[str, bytes]] = Counter()
    result: dict[str, list[Message]] = {}
    position = 0
    for attribute, direction, role in MESSAGE_SOURCES:
        if value := found.get(attribute):
            result[attribute] = []
            for entry in _entries(value, role):
                result[attribute].append(_message(entry, direction, role, position, seen))
                position += 1
    return result


def first_user_text(messages: Mapping[str, list[Message]]) -> str:
    """The text of the last message of the user in the call's input: what the person asked for now."""
    for message in reversed(messages.get("gen_ai.input.messages", [])):
        if message.role == "user":
            parts = orjson.loads(message.body)["parts"]
            return "\n".join(part["content"] for part in parts if isinstance(part, dict) and isinstance(part.get("content"), str))
    return ""


def _entries(value: str, role: str) -> Iterator[dict[str, Any]]:
    """The entries of one attribute. Instructions are parts without messages around them; what is no JSON is one text."""
    try:
        data = orjson.loads(value)
    except orjson.JSONDecodeError:
        data = value
    entries = data if isinstance(data, list) else [data]
    if role == "system" and not any(isinstance(entry, dict) and "role" in entry for entry in entries):
        yield {"role": role, "parts": [_part(entry) for entry in entries]}
        return
    for entry in entries:
        yield entry if isinstance(entry, dict) else {"role": role, "parts": [_part(entry)]}


def _part(entry: Any) -> Any:
    return entry if isinstance(entry, dict) else {"type": "text", "content": entry}


def _message(entry: dict[str, Any], direction: str, role: str, position: int, seen: Counter[tuple[str, bytes]]) -> Message:
    named = entry.get("role")
    role = ROLES.get(named, named) if isinstance(named, str) and named else role
    parts = _parts(entry)
    body = _body(parts, role)
    key = digest(body)
    seen[role, key] += 1
    call_id, tool = _tool(parts)
    reason = entry.get("finish_reason")
    return Message(role, body, key, seen[role, key], direction, position, call_id, tool, reason if isinstance(reason, str) else "")


def _body(parts: list[Any], role: str) -> bytes:
    try:
        return orjson.dumps({"parts": parts, "role": role}, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested deeper than orjson writes
        return orjson.dumps({"parts": [{"type": "text", "content": json.dumps(parts)}], "role": role})


def _parts(entry: dict[str, Any]) -> list[Any]:
    parts = entry.get("parts")
    if isinstance(parts, list):
        return parts
    content = entry.get("content", parts)
    if isinstance(content, list):
        return [_part(item) for item in content]
    if content is None:
        return [{key: value for key, value in entry.items() if key not in ("role", "finish_reason")}]
    return [{"type": "text", "content": content}]


def _tool(parts: list[Any]) -> tuple[str, str]:
    """Call id and tool name of the first part that has one."""
    for part in parts:
        if isinstance(part, dict) and part.get("type") in ("tool_call", "tool_call_response", "server_tool_call"):
            return str(part.get("id") or ""), str(part.get("name") or "")
    return "", ""


def references(messages: list[Message]) -> tuple[str, list[tuple[bytes, bytes]]]:
    """A call's messages as one reference, and the bodies of full blocks it needs: [(hash, body)].

    `list:` then hashes, hexadecimal, comma between; one that stands for a block of BLOCK hashes is marked `*`.
    """
    blocks, names = [], []
    whole = len(messages) - len(messages) % BLOCK
    for start in range(0, whole, BLOCK):
        body = b"".join(message.hash for message in messages[start : start + BLOCK])
        key = digest(body)
        blocks.append((key, body))
        names.append("*" + key.hex())
    names.extend(message.hash.hex() for message in messages[whole:])
    return "list:" + ",".join(names), blocks
