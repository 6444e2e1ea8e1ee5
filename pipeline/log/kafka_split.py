"""A request as the parts that Kafka gets, cut on its bytes: every trace to its partition, no part larger than a broker takes.

The three signals have one shape in protobuf: field 1 of a request are its resources, field 2 of a resource its scopes, field 2 of a scope
its records. What else stands in a resource or scope is copied to each part that has records of it. Nothing is decoded.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.topics import SIGNALS, SPANS

PART_BYTES: Final = 900_000
"""Brokers take 1 MiB by default, with headers and framing."""
_FRAME: Final = 8
"""Bytes that tag and length of a record, scope or resource may take."""
_FIRST, _SECOND = 0x0A, 0x12
"""Tags of fields 1 and 2 where their content has a length."""
_TRACE_ID: Final = b"\x0a\x10"
"""How a span begins that has its trace's id before all else, as every known encoder writes it."""
_FIXED: Final = {1: 8, 5: 4}
"""Bytes of the wire types that say no length."""
_FNV_START, _FNV_PRIME, _FNV_BITS = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_SIGN: Final = 0x80000000


class Part(NamedTuple):
    """`partition` is None where any will do."""

    partition: int | None
    value: bytes


def partition_of(trace_id: bytes, partitions: int) -> int:
    """Where the OpenTelemetry Collector puts a trace too (`partition_traces_by_id`): FNV-1a of the id in hex, as a signed number."""
    found = _FNV_START
    for byte in trace_id.hex().encode():
        found = (found ^ byte) * _FNV_PRIME & _FNV_BITS
    return (found if found < _SIGN else _FNV_BITS + 1 - found) % partitions


def split(topic: str, value: bytes, partitions: int = 1, most: int = PART_BYTES) -> list[Part]:
    """`value` in parts of at most `most` bytes, each of one partition where it holds spans; records keep their order in it.

    One record that is larger is a part of its own. What is no OTLP stays whole.
    """
    by_trace = topic == SPANS and partitions > 1
    if topic not in SIGNALS or (len(value) <= most and not by_trace):
        return [Part(None, value)]
    try:
        parts = list(_parts(value, partitions if by_trace else 0, most))
    except (IndexError, ValueError):
        return [Part(None, value)]
    if len(parts) == 1 and len(value) <= most:
        return [Part(parts[0].partition, value)]
    return parts or [Part(None, value)]


def _parts(value: bytes, partitions: int, most: int) -> Iterator[Part]:
    growing: dict[int | None, _Growing] = {}
    places: dict[bytes, int] = {}
    place: int | None = None
    for resource, scope, record, trace_id in _flat(value):
        if partitions:
            if trace_id not in places:
                places[trace_id] = partition_of(trace_id, partitions)
            place = places[trace_id]
        part = growing.get(place) or growing.setdefault(place, _Growing())
        if part.size and part.size + part.adds(resource, scope, record) > most:
            yield Part(place, part.value())
            part = growing[place] = _Growing()
        part.add(resource, scope, record)
    yield from (Part(place, part.value()) for place, part in growing.items())


def _flat(value: bytes) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Of each record what else is in its resource, what else in its scope, itself with tag and length, and its trace's id where it is a span."""
    for tag, _, block, after in _fields(value, 0, len(value)):
        if tag == _FIRST:
            resource, scopes = _opened(value, block, after)
            for _, group, end in scopes:
                scope, records = _opened(value, group, end)
                for start, content, stop in records:
                    yield resource, scope, value[start:stop], _trace_id(value, content, stop)


def _opened(value: bytes, at: int, end: int) -> tuple[bytes, list[tuple[int, int, int]]]:
    """What stands here beside the fields 2, and of each field 2 where it, its content and what follows begins."""
    beside, within = [], []
    for tag, start, content, stop in _fields(value, at, end):
        if tag == _SECOND:
            within.append((start, content, stop))
        else:
            beside.append(value[start:stop])
    return b"".join(beside), within


def _trace_id(value: bytes, at: int, end: int) -> bytes:
    if value.startswith(_TRACE_ID, at):
        return value[at + 2 : at + 18]
    return next((value[content:stop] for tag, _, content, stop in _fields(value, at, end) if tag == _FIRST), b"")


def _fields(value: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag of each field, and where it, its content and what follows begins. Raises ValueError, IndexError for what is no protobuf."""
    while at < end:
        start = at
        tag, at = _varint(value, at)
        kind = tag & 7
        if kind == 2:
            size, content = _varint(value, at)
            at = content + size
        elif kind == 0:
            content, (_, at) = at, _varint(value, at)
        elif kind in _FIXED:
            content, at = at, at + _FIXED[kind]
        else:
            raise ValueError(f"wire type {kind}")
        if at > end:
            raise ValueError(f"a field ends at {at}, what it is in at {end}")
        yield tag, start, content, at


def _varint(value: bytes, at: int) -> tuple[int, int]:
    """The number, and where the next field begins."""
    byte = value[at]
    if byte < 0x80:
        return byte, at + 1
    found, shift = byte & 0x7F, 7
    while byte & 0x80:
        at += 1
        byte = value[at]
        found |= (byte & 0x7F) << shift
        shift += 7
    return found, at + 1


class _Growing:
    """A part that grows; `size` is at least that of its bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._resource = self._scope = b""
        self._resources: list[bytes] = []
        self._scopes: list[bytes] = []
        self._records: list[bytes] = []

    def adds(self, resource: bytes, scope: bytes, record: bytes) -> int:
        """Bytes by which this record would make it larger, with a resource and scope of its own where it comes to others."""
        if scope is self._scope and resource is self._resource:
            return len(record)
        return len(record) + len(scope) + _FRAME + (0 if resource is self._resource else len(resource) + _FRAME)

    def add(self, resource: bytes, scope: bytes, record: bytes) -> None:
        self.size += self.adds(resource, scope, record)
        if resource is not self._resource:
            self._end_resource()
        elif scope is not self._scope:
            self._end_scope()
        self._resource, self._scope = resource, scope
        self._records.append(record)

    def value(self) -> bytes:
        self._end_resource()
        return b"".join(self._resources)

    def _end_resource(self) -> None:
        self._end_scope()
        if self._scopes:
            self._resources.append(_field(_FIRST, self._resource + b"".join(self._scopes)))
            self._scopes = []

    def _end_scope(self) -> None:
        if self._records:
            self._scopes.append(_field(_SECOND, self._scope + b"".join(self._records)))
            self._records = []


def _field(tag: int, content: bytes) -> bytes:
    size, head = len(content), bytearray((tag,))
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content
