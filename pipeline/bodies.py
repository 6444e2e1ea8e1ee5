"""Rows of `message_rows` and `message_bodies`, under construction: only bodies the store is not known to have."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.batch import Fresh
from pipeline.columns import times
from pipeline.context import Envelope, MessageIdentity, Origin, Seen
from pipeline.messages import CallMessages, Content, digest, listed, references
from pipeline.tell import message_event
from schemas.events import Event, Interest

Here = tuple[Origin, Envelope, int]
"""Resource, log position and days of retention of the record at hand."""
EARLIEST_WINS: Final = 2**64 - 2**16
"""Less than the largest version, because rows that move get larger ones."""
PIECE: Final = 2_048
"""Characters of a piece of a long text."""
NEVER: Final = 2**63
MOST_EQUAL: Final = 2**16 - 1
"""Equal messages of one call that are told apart."""

_HASH: Final = pa.binary(16)
MESSAGE_TYPES: Final = (
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
        self._contents: list[Content] = []
        self._bodies: list[tuple[Any, ...]] = []

    @property
    def fresh(self) -> Fresh:
        return Fresh(self._known, self._said)

    def events(self, interest: Interest) -> list[Event]:
        if not interest.steps:
            return []
        rows = zip(self._messages, self._message_times, self._contents, strict=True)
        return [message_event(row, at, content) for row, (at, _), content in rows if interest.wants(row[0], row[1])]

    def add_text(self, here: Here, value: str) -> str:
        """Store a text by content; returns the reference that stands for it."""
        body = value.encode("utf-8", "replace")
        key = digest(body)
        self._add_body(here, key, "item", body)
        return "item:" + key.hex()

    def add_pieces(self, here: Here, value: str) -> str:
        """Store a long text in pieces, so that one which goes on where another ends costs only what is new; returns the reference."""
        keys = []
        for start in range(0, len(value), PIECE):
            body = value[start : start + PIECE].encode("utf-8", "replace")
            keys.append(digest(body))
            self._add_body(here, keys[-1], "item", body)
        reference, blocks = listed(keys)
        for key, body in blocks:
            self._add_body(here, key, "list", body)
        return f"text:{reference}"

    def add_messages(self, here: Here, keys: tuple[str, str], span: Span, messages: Sequence[CallMessages]) -> dict[str, str]:
        """Store a call's messages. `keys` = (thread, trace). Returns the references by attribute."""
        said = self._said
        counts: dict[bytes, int] = {}
        step_id, result, position = span.span_id.hex(), {}, 0
        for attribute, direction, contents in messages:
            at = min(span.start_time_unix_nano if direction == "input" else span.end_time_unix_nano, 2**63 - 1)
            for content in contents:
                key = content.hash
                counts[key] = occurrence = min(counts.get(key, 0) + 1, MOST_EQUAL)
                identity = (here[0].project, keys[0], content.role, key, occurrence)
                if said.get(identity, NEVER) > at and not self._seen.has_message(identity, at):
                    said[identity] = at
                    self._add_message(here, (*identity, keys[1], step_id, direction, position), at, content)
                position += 1
            result[attribute], blocks = references(contents)
            for key, body in blocks:
                self._add_body(here, key, "list", body)
        return result

    def _add_message(self, here: Here, start: tuple[Any, ...], at: int, content: Content) -> None:
        _, around, days = here
        self._add_body(here, content.hash, "item", content.body)
        row = (
            *start,
            content.tool_call_id,
            content.tool_name,
            content.finish_reason,
            around.partition,
            around.offset,
            days,
            EARLIEST_WINS - at,
            0,
        )
        self._messages.append(row)
        self._message_times.append((at, around.received))
        self._contents.append(content)

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
            result["message_rows"] = _batch(MESSAGE_TYPES, self._messages, {"timestamp": times(at), "received": times(received)})
        return result


def _batch(types: Any, rows: list[tuple[Any, ...]], more: Mapping[str, pa.Array]) -> pa.RecordBatch:
    columns = {name: pa.array(values, kind) for (name, kind), values in zip(types, zip(*rows, strict=True), strict=True)} | dict(more)
    return pa.record_batch(list(columns.values()), names=list(columns))
