"""A thread's transcript: its messages in order, with their parts and readable text."""

from typing import Any, Final

import orjson

from control import cursors
from control.reader import Reader, Row

ROLE_ALIASES: Final = {"assistant": "agent", "system": "directive"}
"""The plan's words for OpenTelemetry's roles, where they differ."""
_PLACE: Final = ("at_ns", "direction", "position", "hash", "occurrence", "role")


class Transcript:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, thread: Row, limit: int, cursor: str | None) -> dict[str, Any]:
        """Oldest first; `thread` is what `Threads.place` said, `sequence` counts from 1. Raises BadParameterError."""
        after = cursors.decode(cursor, int, str, int, str, int, str, int)
        place = {}
        if after:
            names = ("after", "after_direction", "after_position", "after_hash", "after_occurrence", "after_role")
            place = dict(zip(names, after, strict=False))
        keys = await self._reader.rows("transcript_keys", {**thread, **place, "limit": limit + 1})
        page = keys[:limit]
        bodies = await self._bodies(thread["project"], page)
        first = (after[6] if after else 0) + 1
        items = [message(thread, sequence, key, bodies.get(key["hash"], "")) for sequence, key in enumerate(page, first)]
        more = len(keys) > limit
        return {"items": items, "next": cursors.encode((*(page[-1][name] for name in _PLACE), first + len(page) - 1)) if more else None}

    async def _bodies(self, project: str, page: list[Row]) -> dict[str, str]:
        hashes = sorted({key["hash"] for key in page})
        if not hashes:
            return {}
        rows = await self._reader.rows("message_bodies", {"project": project, "hashes": hashes})
        return {row["hash"]: row["body"] for row in rows}


def message(thread: Row, sequence: int, key: Row, body: str) -> Row:
    """One message in the columns of llm_messages, with `parts` as JSON and `role_alias`."""
    parts = parts_of(body)
    metadata = {"finish_reason": key["finish_reason"], "direction": key["direction"], "occurrence": str(key["occurrence"])}
    return {
        "project": thread["project"],
        "thread_id": thread["thread_id"],
        "step_id": key["step_id"],
        "trace_id": key["trace_id"],
        "sequence": sequence,
        "role": key["role"],
        "role_alias": ROLE_ALIASES.get(key["role"], key["role"]),
        "content": "\n".join(text_of(part) for part in parts),
        "parts": parts,
        "content_hash": key["hash"],
        "timestamp": key["timestamp"],
        "tool_call_id": key["tool_call_id"],
        "tool_name": key["tool_name"],
        "metadata": metadata,
    }


def parts_of(body: str) -> list[Any]:
    """The parts as they were sent: bodies are JSON objects with `parts`; any other text is one text part."""
    try:
        stored = orjson.loads(body)
    except orjson.JSONDecodeError:
        stored = None
    if isinstance(stored, dict) and isinstance(stored.get("parts"), list):
        return list(stored["parts"])
    return [{"type": "text", "content": body}] if body else []


def text_of(part: Any) -> str:
    """Readable text of one part: text as it is, a tool call as name(arguments), a result as its content."""
    if not isinstance(part, dict):
        return _text(part)
    if part.get("type") == "tool_call":
        return f"{part.get('name', '')}({_text(part.get('arguments'))})"
    for name in ("content", "text", "response", "result"):
        if name in part:
            return _text(part[name])
    return _text(part)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
