"""Rows of `message_rows` and `message_bodies`, under construction: only bodies the store is not known to have."""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.batch import Fresh
from pipeline.columns import times
from pipeline.context import Envelope, MessageIdentity, Origin, Seen
from pipeline.messages import Message, digest, references
from pipeline.tell import message_event
from schemas.events import Event

Here = tuple[Origin, Envelope, int]
"""Resource, log position and days of retention of the record at hand."""
EARLIEST_WINS: Final = 2**64 - 1

_HASH: Final = pa.binary(16)
_MESSAGE_TYPES: Final = (
    ("project", pa.string()), ("thread_id", pa.string()), ("role", pa.string()), ("content_hash", _HASH), ("occurrence", pa.uint16()),
    ("trace_id", pa.string()), ("step_id", pa.string()), ("direction", pa.string()), ("position", pa.uint32()), ("tool_call_id", pa.string()),
    ("tool_name", pa.string()), ("finish_reason", pa.string()), ("log_partition", pa.uint16()), ("log_offset", pa.uint64()),
    ("retention_days", pa.uint16()), ("version", pa.uint64()), ("is_deleted", pa.uint8()),
)  # fmt: skip
_BODY_TYPES: Final = (
    ("project", pa.string()), ("hash", _HASH), ("kind", pa.string()), ("body", pa.binary()), ("received", pa.uint32()), ("retention_days", pa.uint16()),
)  # fmt: skip


class BodyRows:
    """Collects one batch's messages and bodies that the store is not known to have."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._known: set[tuple[str, bytes]] = set()
        self._said: dict[MessageIdentity, int] = {}
        self._messages: list[tuple[Any, ...]] = []
        self._message_times: list[tuple[int, int]] = []
        self._contents: list[Message] = []
        self._bodies: list[tuple[Any, ...]] = []

    @property
    def fresh(self) -> Fresh:
        return Fresh(self._known, self._said)

    def events(self) -> list[Event]:
        rows = zip(self._messages, self._message_times, self._contents, strict=True)
        return [message_event(row, at, message) for row, (at, _), message in rows]

    def add_text(self, here: Here, value: str) -> str:
        """Store a text by content; returns the reference that stands for it."""
        body = value.encode("utf-8", "replace")
        key = digest(body)
        self._add_body(here, key, "item", body)
        return "item:" + key.hex()

    def add_messages(self, here: Here, keys: tuple[str, str], span: Span, messages: Mapping[str, list[Message]]) -> dict[str, str]:
        """Store a call's messages. `keys` = (thread, trace). Returns the references by attribute."""
        step_id, result = span.span_id.hex(), {}
        for attribute, entries in messages.items():
            for message in entries:
                self._add_message(here, keys, (step_id, span), message)
            result[attribute], blocks = references(entries)
            for key, body in blocks:
                self._add_body(here, key, "list", body)
        return result

    def _add_message(self, here: Here, keys: tuple[str, str], step: tuple[str, Span], message: Message) -> None:
        resource, around, days = here
        identity = (resource.project, keys[0], message.role, message.hash, message.occurrence)
        step_id, span = step
        at = min(span.start_time_unix_nano if message.direction == "input" else span.end_time_unix_nano, 2**63 - 1)
        if self._said.get(identity, at + 1) <= at or self._seen.has_message(identity, at):
            return
        self._said[identity] = at
        self._add_body(here, message.hash, "item", message.body)
        self._messages.append(
            (
                *identity, keys[1], step_id, message.direction, message.position, message.tool_call_id, message.tool_name, message.finish_reason,
                around.partition, around.offset, days, EARLIEST_WINS - at, 0,
            )
        )  # fmt: skip
        self._message_times.append((at, around.received))
        self._contents.append(message)

    def _add_body(self, here: Here, key: bytes, kind: str, body: bytes) -> None:
        resource, around, days = here
        known = (resource.project, key)
        if known in self._known or self._seen.has_body(*known):
            return
        self._known.add(known)
        self._bodies.append((resource.project, key, kind, body, around.received // 1_000_000_000, days))

    def tables(self) -> dict[str, pa.RecordBatch]:
        result = {}
        if self._bodies:
            result["message_bodies"] = _batch(_BODY_TYPES, self._bodies, {})
        if self._messages:
            at, received = zip(*self._message_times, strict=True)
            result["message_rows"] = _batch(_MESSAGE_TYPES, self._messages, {"timestamp": times(at), "received": times(received)})
        return result


def _batch(types: Any, rows: list[tuple[Any, ...]], more: Mapping[str, pa.Array]) -> pa.RecordBatch:
    columns = {name: pa.array(values, kind) for (name, kind), values in zip(types, zip(*rows, strict=True), strict=True)} | dict(more)
    return pa.record_batch(list(columns.values()), names=list(columns))
