"""Calls that agents tell twice, as a span and as a log event: what both tellings have in common, so that they become one step.

A call told by a log event becomes a row of `spans` in a trace of its own, named by what the call used and in which thread. The span
of the same call, when there is one, leaves a cover in that trace: it takes the place of the event's row where both name the request,
else it hides one of the rows there. Whatever comes first, the outcome is the same, and nothing has to be remembered.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pipeline.messages import digest

COVER: Final = "cover"
"""Type of a row that hides what a log event told."""
SPAN_ID_BYTES: Final = 8
_COUNTS: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
)


class Place(NamedTuple):
    """Where a telling lies: ids of a trace (16 bytes) and of a row in it (8 bytes; empty when the call has no name of its own)."""

    trace_id: bytes
    span_id: bytes


def place(found: Mapping[str, str], kind: str, thread: str) -> Place | None:
    """Where the call with these canonical attributes lies; None when two tellings of it could not be told to be the same."""
    if kind == "tool_call":
        call = found.get("gen_ai.tool.call.id")
        return _place(("tool", call), call) if call else None
    request = found.get("request_id", "")
    counts = [found.get(name) or "0" for name in _COUNTS]
    if counts[0] == counts[1] == "0":
        return _place(("request", request), request) if request else None
    return _place(("usage", thread, *counts), request)


def _place(words: tuple[str, ...], name: str) -> Place:
    return Place(digest("\n".join(words).encode()), digest(name.encode())[:SPAN_ID_BYTES] if name else b"")
