"""What the pipeline and the wiring ask of a log, whichever it is. Kept by one contract suite: `tests/pipeline/log/test_log_contract.py`."""

from collections.abc import Callable, Iterator
from typing import Protocol

from schemas.ports import LogReader, LogWriter, Record

STORE_GROUP = "processor"
"""The consumer whose commits say what the store has: back-pressure and release look at it."""


Resume = Callable[[int, int], int]
"""Given a partition and what is committed there: the offset to go on at."""


class PositionedReader(LogReader, Protocol):
    """A LogReader that can be asked and told where it is."""

    def begin(self, resume: Resume) -> None:
        """Before the first poll: where reading goes on in each partition, now and whenever one comes to this reader later."""
        ...

    def committed(self) -> dict[int, int]:
        """Per partition, where reading starts after a restart."""
        ...

    def seek(self, partition: int, offset: int) -> None:
        """The next poll goes on at `offset`, or at the oldest record that is kept. What is committed stays."""
        ...

    def wake(self) -> None:
        """From any thread: let a poll that waits return now, and every later one, with nothing."""
        ...

    def close(self) -> None:
        """By the reading thread, or after it."""
        ...


class DurableLog(Protocol):
    """Offsets of a partition are dense from 0, but for gaps that `OwnedLog.advance` makes."""

    @property
    def owned(self) -> "OwnedLog | None":
        """This log, where its files are this process's own; None where others keep them and decide how long."""
        ...

    def writer(self) -> LogWriter: ...

    def reader(self, topic: str, group: str = STORE_GROUP) -> PositionedReader:
        """Starts where `group` committed last."""
        ...

    def records(self, topic: str, partition: int = 0, start: int = 0) -> Iterator[Record]:
        """All records from `start` on that are kept and acknowledged by now."""
        ...

    def partitions(self, topic: str) -> int: ...

    def start(self, topic: str, partition: int = 0) -> int:
        """Offset of the oldest record that is kept."""
        ...

    def end(self, topic: str, partition: int = 0) -> int:
        """Offset that the next record gets."""
        ...

    def close(self) -> None: ...


class OwnedLog(DurableLog, Protocol):
    """A log that keeps what the store has not made safe yet, and no more."""

    def synced(self, topic: str, partition: int = 0) -> int:
        """Offset below which the store has everything on its disk."""
        ...

    def release(self, topic: str, partition: int, offset: int) -> int:
        """The store has everything below `offset` on its disk: it is needed no more. Returns the bytes that were freed.

        Only what the group "processor" has committed counts.
        """
        ...

    def advance(self, topic: str, partition: int, offset: int) -> None:
        """Give no offset below `offset` any more: the store already has records of these positions."""
        ...

    def backlog_bytes(self) -> int:
        """Bytes that the group "processor" has not committed yet."""
        ...
