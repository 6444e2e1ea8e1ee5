"""What mapping hands to writing: columns per table, and what the rest of the way needs to know about them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import pyarrow as pa

from pipeline.context import Envelope, MessageIdentity
from schemas.events import Events, no_events

Sent: TypeAlias = tuple[Envelope, bytes]
"""A request as the log holds it: what the log says of it, and the sender's bytes."""
TraceKey: TypeAlias = tuple[str, str]
"""(project, trace id)"""
ThreadKey: TypeAlias = tuple[str, str]
"""(project, thread id)"""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Bodies (project, hash) and messages (identity -> time, ns) that a batch brings."""

    bodies: Collection[tuple[str, bytes]] = ()
    messages: Mapping[MessageIdentity, int] = field(default_factory=dict)


NOTHING_FRESH: Final = Fresh()


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One position of the log and what became of it."""

    topic: str
    partition: int
    offset: int
    received: int
    source: str
    project: str
    records: int
    stored: int
    rejected: int
    size: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that cannot be stored: whole, with the reason."""

    topic: str
    partition: int
    offset: int
    part: int
    received: int
    source: str
    project: str
    reason: str
    error: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Mapped:
    """One batch of log records as rows.

    `tables` are inserted in their order; `unplaced` are traces with rows that name no thread of their own;
    `seen` is what the store is known to have once they are stored;
    `touched` traces and threads are summarised later, with the oldest time of receipt (ns) among their new rows.
    """

    tables: Mapping[str, pa.RecordBatch]
    ledger: Sequence[LedgerRow]
    dead_letters: Sequence[DeadLetter] = ()
    traces: Mapping[TraceKey, int] = field(default_factory=dict)
    threads: Mapping[ThreadKey, int] = field(default_factory=dict)
    unplaced: Collection[TraceKey] = ()
    seen: Fresh = NOTHING_FRESH
    events: Events = no_events
