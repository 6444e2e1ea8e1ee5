"""What one trace contributes to one thread; a thread is the fold of these. Stored as JSON, so a new field needs no migration."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

TERMINAL: Final = frozenset({"complete", "error", "cancelled"})
MOST: Final = 2**63 - 1
"""Sums stop here: senders may claim anything, and a column holds no more."""
MOST_NAMES: Final = 100
"""A thread lists at most this many MCP servers, services, models."""


Edge = tuple[tuple[int, str, int], ...]
"""Tool calls: start (ns), tool, and a number that tells those with other arguments apart, in this process alone."""


@dataclass(slots=True)
class Segment:
    """Times in nanoseconds since 1970; `ended` is 0 while it runs."""

    trace_id: str = ""
    started: int = 0
    last_seen: int = 0
    ended: int = 0
    status: str = "running"
    kind: str = "trace"
    name: str = ""
    parent_thread_id: str = ""
    agent_name: str = ""
    user_id: str = ""
    user_input: str = ""
    environment: str = ""
    service_version: str = ""
    host: str = ""
    current_step: str = ""
    mcp_ids: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    steps: int = 0
    llm_calls: int = 0
    tool_calls: int = 0
    errors: int = 0
    loop: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    agent_input_tokens: int = 0
    agent_output_tokens: int = 0
    agent_cache_read_tokens: int = 0
    agent_cache_write_tokens: int = 0
    cost_usd: float | None = None
    unpriced: dict[str, list[int]] = field(default_factory=dict)
    """Tokens of calls whose cost nobody stated, by `price_key`: uncached input, output, cache read, cache write."""
    memory_bytes: int = 0
    cpu_utilization: float | None = None
    error_type: str = ""
    error_message: str = ""
    received: int = 0
    retention_days: int = 1
    attributes: dict[str, str] = field(default_factory=dict)
    waiting_for: str = ""
    """The step that paused last, while nothing has begun since."""
    waiting_since: int = 0
    text: str = field(default="", compare=False, repr=False)
    """What it was read from, if it was."""
    edge: Edge | None = field(default=None, compare=False, repr=False)
    """Its first and last tool calls, where this process folded it; never stored."""

    def to_json(self) -> str:
        """Without what is empty, and without what its row has columns for; what was read stays as it is."""
        if self.text:
            return self.text
        said = {name: value for name in _WRITTEN if (value := getattr(self, name)) != getattr(_EMPTY, name)}
        return orjson.dumps(said).decode()

    @classmethod
    def from_json(cls, text: str, **columns: Any) -> "Segment":
        """`columns`: what the row says beside the text."""
        segment = cls(text=text)
        for name, value in (orjson.loads(text) | columns).items():
            if name in _NAMES:
                setattr(segment, name, value)
        return segment


_EMPTY: Final = Segment("")
_NAMES: Final = frozenset(Segment.__slots__) - {"text", "edge"}
_WRITTEN: Final = tuple(name for name in Segment.__slots__ if name in _NAMES - {"trace_id", "received", "retention_days"})


def names(groups: Sequence[Sequence[str]]) -> list[str]:
    """All names once, in order of first sight, bounded."""
    return list(dict.fromkeys(name for group in groups for name in group if name))[:MOST_NAMES]


def first(values: Iterable[str]) -> str:
    """The first that says something."""
    for value in values:
        if value:
            return value
    return ""


def price_key(provider: str, model: str) -> str:
    return f"{provider}\n{model}"


def summed(groups: Iterable[Mapping[str, Sequence[int]]]) -> dict[str, list[int]]:
    """Tokens by model, added up."""
    result: dict[str, list[int]] = {}
    for group in groups:
        for model, tokens in group.items():
            before = result.get(model)
            result[model] = list(tokens) if before is None else list(map(int.__add__, before, tokens))
    return {model: [min(MOST, count) for count in tokens] for model, tokens in result.items()}


def added(values: Sequence[float | None]) -> float | None:
    """The sum of what is known, finite; None when nothing is."""
    known = [value for value in values if value is not None]
    return max(-sys.float_info.max, min(sys.float_info.max, sum(known))) if known else None


Segments = Mapping[str, Segment]
"""thread id -> what the trace contributes to it"""
