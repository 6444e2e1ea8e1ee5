"""What the pipeline tells the hub after each commit: typed, versioned events, upserts by id."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

EVENTS_VERSION: Final = 1

EventType = Literal[
    "thread.started",
    "thread.updated",
    "thread.ended",
    "step",
    "message",
    "score",
    "log",
    "permission",
    "mcp.updated",
    "alert",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that became visible.

    `payload` has the columns of the contract's table (threads, execution_steps, llm_messages, scores, logs, permission_events)
    in JSON form: times ISO-8601 with Z, ids as strings. `id` is the upsert key inside (type, project):
    thread_id, step_id, message id, score_id, log id, event_id.
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
class Interest:
    """What of the many events of a commit anybody wants. Threads, checks and alerts are few: those always come.

    Steps, messages and scores come for `threads` and `mcps`, both as (project, id), where the project "*" stands for all.
    """

    threads: frozenset[tuple[str, str]] = frozenset()
    mcps: frozenset[tuple[str, str]] = frozenset()
    logs: bool = False
    everything: bool = False

    @property
    def steps(self) -> bool:
        """Whether any step may be wanted at all."""
        return self.everything or bool(self.threads or self.mcps)

    def wants(self, project: str, thread_id: str, mcp_id: str = "") -> bool:
        """Whether a step or message of this thread and this MCP server is wanted."""
        return (
            self.everything
            or (project, thread_id) in self.threads
            or ("*", thread_id) in self.threads
            or (mcp_id != "" and ((project, mcp_id) in self.mcps or ("*", mcp_id) in self.mcps))
        )


EVERYTHING: Final = Interest(logs=True, everything=True)


Events: TypeAlias = Callable[[Interest], Sequence[Event]]
"""Builds the events of a commit on demand. May be called from any thread, any number of times."""


def no_events(_: Interest) -> Sequence[Event]:
    """Of a commit that made nothing visible."""
    return ()


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one batch made visible. `topic` is "" for summaries, which have no place in the log."""

    topic: str
    offsets: Mapping[int, int]
    """Per partition the offset after the last stored record: the same numbers that `LogReader.commit` took."""
    events: Events
    """Nobody listening costs nothing, and who listens to one thread costs that thread."""
    version: int = field(default=EVENTS_VERSION)
