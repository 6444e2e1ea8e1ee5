"""Messages of LLM calls: from attributes to contents whose identity survives resending.

A call's input is most often the history that the calls before it sent already, so what one message comes to is remembered
by its text: that halves the cost of a span.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from pipeline.dialects.chat import calls
from pipeline.vocabulary import MESSAGE_SOURCES

HASH_BYTES: Final = 16
BLOCK: Final = 32
"""References to this many messages are one body of their own, so a growing history is not spelled out in every call."""
USER_TEXT_LENGTH: Final = 2_000
REMEMBERED: Final = 20_000
REMEMBERED_LENGTH: Final = 4_096
"""Messages longer than this (bytes) are not remembered: they would fill memory."""
ROLES: Final[Mapping[str, str]] = {"human": "user", "ai": "assistant", "model": "assistant", "agent": "assistant", "function": "tool"}


class Content(NamedTuple):
    """What one message says: `body` is its JSON in canonical form, `hash` is of that. `user_text` is '' for other roles."""

    role: str
    body: bytes
    hash: bytes
    tool_call_id: str
    tool_name: str
    finish_reason: str
    user_text: str


class CallMessages(NamedTuple):
    """The messages in one attribute of a call, in reading order. `direction` is input or output."""

    attribute: str
    direction: str
    contents: Sequence[Content]


def digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=HASH_BYTES).digest()


def call_messages(found: Mapping[str, str]) -> list[CallMessages]:
    """The messages in a call's attributes, in reading order."""
    return [
        CallMessages(attribute, direction, _contents(value, role))
        for attribute, direction, role in MESSAGE_SOURCES
        if (value := found.get(attribute))
    ]


def _contents(value: str, role: str) -> list[Content]:
    try:
        return [_remembered(entry, role) for entry in _entries(value, role)]
    except RecursionError:  # nested deeper than anything writes: then it is text
        return [_content({"content": value}, role)]


def user_text(messages: Sequence[CallMessages]) -> str:
    """The text of the last message of the user in the call's input: what the person asked for now."""
    for said in messages:
        if said.attribute == "gen_ai.input.messages":
            return next((content.user_text for content in reversed(said.contents) if content.role == "user"), "")
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


def _remembered(entry: dict[str, Any], role: str) -> Content:
    try:
        raw = orjson.dumps(entry)
    except TypeError:  # nested deeper than orjson writes
        return _content(entry, role)
    return _content_of(raw, role) if len(raw) <= REMEMBERED_LENGTH else _content(entry, role)


@lru_cache(REMEMBERED)
def _content_of(raw: bytes, role: str) -> Content:
    return _content(orjson.loads(raw), role)


def _content(entry: dict[str, Any], role: str) -> Content:
    """`role` is that of an entry which names none."""
    named = entry.get("role")
    role = ROLES.get(named, named) if isinstance(named, str) and named else role
    parts = _parts(entry)
    body = _body(parts, role)
    call_id, tool = _tool(parts)
    reason = entry.get("finish_reason")
    text = _text(parts)[:USER_TEXT_LENGTH] if role == "user" else ""
    return Content(role, body, digest(body), call_id, tool, reason if isinstance(reason, str) else "", text)


def _body(parts: list[Any], role: str) -> bytes:
    try:
        return orjson.dumps({"parts": parts, "role": role}, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested deeper than orjson writes
        return orjson.dumps({"parts": [{"type": "text", "content": json.dumps(parts)}], "role": role})


def _parts(entry: dict[str, Any]) -> list[Any]:
    parts = entry.get("parts")
    if isinstance(parts, list):
        return [*parts, *calls(entry)] if "tool_calls" in entry else parts  # LiteLLM mixes two forms
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


def _text(parts: list[Any]) -> str:
    """Gemini CLI says `text` where the convention says `content`."""
    said = (part.get("content", part.get("text")) for part in parts if isinstance(part, dict))
    return "\n".join(text for text in said if isinstance(text, str))


def references(contents: Sequence[Content]) -> tuple[str, list[tuple[bytes, bytes]]]:
    """A list of messages as one reference, `list:` and its hashes, and the bodies of full blocks it needs: [(hash, body)]."""
    names, blocks = listed([content.hash for content in contents])
    return f"list:{names}", blocks


def listed(keys: Sequence[bytes]) -> tuple[str, list[tuple[bytes, bytes]]]:
    """Hashes as text: hexadecimal, comma between; one that stands for a block of BLOCK hashes is marked `*`. And those blocks."""
    whole = len(keys) - len(keys) % BLOCK
    blocks = []
    for start in range(0, whole, BLOCK):
        body = b"".join(keys[start : start + BLOCK])
        blocks.append((digest(body), body))
    names = ["*" + key.hex() for key, _ in blocks]
    names.extend(key.hex() for key in keys[whole:])
    return ",".join(names), blocks


def restored(reference: str, body: Callable[[bytes], bytes]) -> str:
    """The text behind a reference `item:` or `text:`, given what finds a body by its hash. Raises KeyError as that does."""
    return b"".join(map(body, hashes(reference, body))).decode("utf-8", "replace")


def hashes(reference: str, body: Callable[[bytes], bytes]) -> list[bytes]:
    """Of the bodies that a reference names, blocks opened. Raises KeyError as `body` does."""
    _, _, names = reference.partition(":")
    keys: list[bytes] = []
    for name in names.split(",") if names else ():
        key = bytes.fromhex(name.removeprefix("*"))
        if name.startswith("*"):
            block = body(key)
            keys.extend(block[start : start + HASH_BYTES] for start in range(0, len(block), HASH_BYTES))
        else:
            keys.append(key)
    return keys
