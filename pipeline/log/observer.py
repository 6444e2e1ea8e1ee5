"""What the log tells whoever counts. Called on the log's threads; must not block or raise."""

from typing import Protocol


class LogObserver(Protocol):
    def appended(self, topic: str, records: int, size: int) -> None:
        """Records of one group that were acknowledged, `size` bytes together."""
        ...

    def written(self, seconds: float) -> None:
        """How long one group took to write and sync."""
        ...

    def refused(self, topic: str, reason: str) -> None:
        """One record was not taken; `reason` is one of `backlog`, `pending`, `free_space`, `io`, `closed`."""
        ...

    def damaged(self, topic: str, partition: int, size: int) -> None:
        """Bytes of acknowledged records that cannot be read any more."""
        ...


class NoObserver:
    """For whoever does not count."""

    def appended(self, topic: str, records: int, size: int) -> None:
        pass

    def written(self, seconds: float) -> None:
        pass

    def refused(self, topic: str, reason: str) -> None:
        pass

    def damaged(self, topic: str, partition: int, size: int) -> None:
        pass
