"""What every signal's mapping knows about a record of the log and about the resource and scope inside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from pipeline.values import attributes
from schemas.ports import Record
from schemas.topics import DEFAULT_PROJECT, PROJECT_HEADER, RECEIVED_HEADER, REFUSED_HEADER, SENDER_KEY_HEADER, SOURCE_HEADER

MAX_PROJECT_LENGTH = 128
MessageIdentity: TypeAlias = tuple[str, str, str, bytes, int]
"""project, thread, role, content hash, occurrence"""


Signal: TypeAlias = Literal["spans", "logs", "metrics", "permissions"]


class Retention(Protocol):
    """How many days a signal of a project is kept (`Settings.retention_days`)."""

    def __call__(self, project: str, signal: Signal) -> int: ...


class Seen(Protocol):
    """What the store is known to have; saying no too often costs an insert, saying yes wrongly would lose a row."""

    def has_body(self, project: str, key: bytes) -> bool: ...

    def has_message(self, identity: MessageIdentity, at: int) -> bool:
        """Whether the message is stored, as said at `at` (ns) or before."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """The log's own words about a record. `received` is nanoseconds since 1970."""

    topic: str
    partition: int
    offset: int
    received: int
    source: str
    project: str
    """As the sender's header or key said; '' leaves it to the resource."""
    size: int
    refused: int = 0
    """Records that a collector turned away; such a record of the log has no other contents."""
    sender_key: str = ""
    """Id of the key that the sender showed."""


def envelope(record: Record) -> Envelope:
    headers = record.headers
    return Envelope(
        record.topic,
        record.partition,
        record.offset,
        int(headers.get(RECEIVED_HEADER) or 0),
        headers.get(SOURCE_HEADER, ""),
        headers.get(PROJECT_HEADER, ""),
        len(record.value),
        int(headers.get(REFUSED_HEADER) or 0),
        headers.get(SENDER_KEY_HEADER, ""),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """A resource: who speaks, for which project."""

    project: str
    attributes: Mapping[str, str]
    service: str
    environment: str
    service_version: str
    host: str


def origin(resource: Resource, around: Envelope) -> Origin:
    return origin_of(attributes(resource.attributes), around)


def origin_of(found: Mapping[str, str], around: Envelope) -> Origin:
    """The same of a resource's attributes as text."""
    get = found.get
    project = around.project or get("mission_control.project", "")[:MAX_PROJECT_LENGTH].strip() or DEFAULT_PROJECT
    return Origin(
        project,
        found,
        get("service.name", ""),
        get("deployment.environment.name") or get("deployment.environment", ""),
        get("service.version", ""),
        get("host.name", ""),
    )
