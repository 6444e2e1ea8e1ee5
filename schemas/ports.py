"""The ports between the rooms: what a log, a store's listener and a notification are, whoever implements them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.events import Commit


@dataclass(frozen=True, slots=True)
class Record:
    """One acknowledged request as it lies in the log: `value` is an OTLP `Export…ServiceRequest` in protobuf."""

    topic: str
    partition: int
    offset: int
    value: bytes
    headers: Mapping[str, str]


class LogWriter(Protocol):
    """Where collectors put what they accepted."""

    async def append(self, topic: str, value: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        """Return (partition, offset) once the record is durable.

        Raises LogUnavailableError when it cannot be taken now: the sender must send it again. A log of this process kept nothing of it;
        brokers that gave no answer may keep it all the same, which repetition does no harm to.
        """
        ...


class LogReader(Protocol):
    """One consumer of one topic. Called from one thread only."""

    def poll(self, max_bytes: int, timeout: float) -> Sequence[Record]:
        """Records after the last polled one, in order per partition; empty when none came within `timeout` seconds.

        Returns at least one record however large it is.
        """
        ...

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Per partition, the offset after the last record that is stored. Redelivery starts there after a restart."""
        ...

    def lag(self) -> int:
        """Records that were appended and are not committed yet."""
        ...


class CommitListener(Protocol):
    """Who wants to know what became visible in the store (the WebSocket hub)."""

    def publish(self, commit: Commit) -> None:
        """Called on a pipeline thread right after the commit, in order per partition. Must not block or raise."""
        ...
