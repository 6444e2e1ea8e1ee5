"""Requests too large for a broker, cut into requests that are not: by resource, then scope, then record."""

from collections.abc import Iterator
from typing import Any, Final

from schemas import otlp
from schemas.errors import MalformedRequestError
from schemas.topics import SIGNALS

PART_BYTES: Final = 900_000
"""Brokers take 1 MiB by default, with headers and framing."""
_FRAME: Final = 8
"""Bytes that tag and length of a record, scope or resource may take."""


def split(topic: str, value: bytes, most: int = PART_BYTES) -> list[bytes]:
    """`value` in parts of at most `most` bytes, all its records in their order; one record that is larger is a part of its own.

    What is no OTLP stays whole.
    """
    if len(value) <= most or topic not in SIGNALS:
        return [value]
    try:
        request = otlp.parse_lenient(topic, value)
    except MalformedRequestError:
        return [value]
    return [part.SerializeToString() for part in _parts(topic, request, most)] or [value]


def _parts(topic: str, request: otlp.ExportRequest, most: int) -> Iterator[otlp.ExportRequest]:
    part = _Part(topic, request)
    for resource, scope, record in _flat(topic, request):
        size = record.ByteSize() + _FRAME
        if part.size and part.size + part.around(resource, scope) + size > most:
            yield part.request
            part = _Part(topic, request)
        part.add(resource, scope, record, size)
    if part.size:
        yield part.request


def _flat(topic: str, request: otlp.ExportRequest) -> Iterator[tuple[Any, Any, Any]]:
    resources, scopes, records = otlp.LEVELS[topic]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            for record in getattr(scope, records):
                yield resource, scope, record


class _Part:
    """A request that grows; `size` is at least that of its bytes."""

    def __init__(self, topic: str, like: otlp.ExportRequest) -> None:
        self.request = type(like)()
        self.size = 0
        self._resources, self._scopes, self._records = otlp.LEVELS[topic]
        self._resource: Any = None
        self._scope: Any = None
        self._block: Any = None
        self._group: Any = None

    def around(self, resource: Any, scope: Any) -> int:
        """Bytes that the record's resource and scope would add."""
        if scope is self._scope:
            return 0
        own: int = scope.scope.ByteSize() + len(scope.schema_url) * 4 + 2 * _FRAME
        if resource is not self._resource:
            own += resource.resource.ByteSize() + len(resource.schema_url) * 4 + 2 * _FRAME
        return own

    def add(self, resource: Any, scope: Any, record: Any, size: int) -> None:
        self.size += size + self.around(resource, scope)
        if resource is not self._resource:
            self._resource = resource
            self._block = getattr(self.request, self._resources).add(resource=resource.resource, schema_url=resource.schema_url)
        if scope is not self._scope:
            self._scope = scope
            self._group = getattr(self._block, self._scopes).add(scope=scope.scope, schema_url=scope.schema_url)
        getattr(self._group, self._records).append(record)
