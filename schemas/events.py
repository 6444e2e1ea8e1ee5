"""What the pipeline tells the hub after each commit: typed, versioned events, upserts by id."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

EVENTS_VERSION: Final = 1

EventType = Literal["thread.started", "thread.updated", "thread.ended", "step", "message", "log", "permission", "mcp.updated", "alert"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that became visible.

    `payload` has the columns of the contract's table (threads, execution_steps, llm_messages, logs, permission_events)
    in JSON form: times ISO-8601 with Z, ids as strings. `id` is the upsert key inside (type, project):
    thread_id, step_id, message id, log id, event_id.
    """

    type: EventType
    project: str
    id: str
    payload: Mapping[str, Any]
    thread_id: str = ""
    mcp_id: str = ""
    level: str = ""
    """DEBUG, INFO, WARN, ERROR; only for logs."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one batch made visible. `topic` is "" for summaries, which have no place in the log."""

    topic: str
    offsets: Mapping[int, int]
    """Per partition the offset after the last stored record: the same numbers that `LogReader.commit` took."""
    events: Callable[[], Sequence[Event]]
    """Built on demand: nobody listening costs nothing. May be called from any thread, any number of times."""
    version: int = field(default=EVENTS_VERSION)
