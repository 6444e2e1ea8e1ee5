"""A log in memory, for tests of those who write to a log or read from one. Held to the same contract as the durable ones."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from pipeline.log.port import STORE_GROUP, Resume
from schemas.errors import LogUnavailableError
from schemas.ports import Record


@dataclass
class MemoryPartition:
    records: list[Record] = field(default_factory=list)
    end: int = 0
    synced: int = 0
    committed: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    """Bytes that the store has not committed."""
    gap: tuple[int, int] = (0, 0)

    def put(self, record: Record) -> None:
        self.records.append(record)
        self.end = record.offset + 1
        self.waiting += len(record.value)

    @property
    def start(self) -> int:
        return self.records[0].offset if self.records else self.end

    def commit(self, group: str, offset: int) -> None:
        if offset > self.end:
            raise ValueError(f"offset {offset} is behind the end, {self.end}")
        self.committed[group] = max(self.past_gap(offset), self.committed.get(group, 0))
        self.count()

    def advance(self, offset: int) -> None:
        self.gap = (self.gap[0] if self.gap[1] == self.end else self.end, offset)
        self.end = offset
        self.committed = {group: self.past_gap(at) for group, at in self.committed.items()}

    def past_gap(self, offset: int) -> int:
        return self.gap[1] if self.gap[0] <= offset < self.gap[1] else offset

    def rewind(self) -> None:
        self.committed = {group: min(offset, self.synced) for group, offset in self.committed.items()}
        self.count()

    def count(self) -> None:
        committed = self.group(STORE_GROUP)
        self.waiting = sum(len(record.value) for record in self.records if record.offset >= committed)

    def group(self, group: str) -> int:
        return max(self.committed.get(group, 0), self.start)


class MemoryLog:
    """Records stay across `close` and `open`. `refusal` makes every append fail with that reason until it is None."""

    def __init__(self, *, partitions: int = 1, max_bytes: int = sys.maxsize) -> None:
        self.refusal: str | None = None
        self.changed = threading.Condition()
        self._partitions, self._max_bytes = partitions, max_bytes
        self._topics: defaultdict[str, list[MemoryPartition]] = defaultdict(lambda: [MemoryPartition() for _ in range(self._partitions)])
        self._turn = 0
        self._closed = False

    def open(self, *, rebooted: bool = False) -> Self:
        """`rebooted`: as after a power cut, commits beyond what was released are forgotten."""
        self._closed = False
        if rebooted:
            for topic in self._topics.values():
                for partition in topic:
                    partition.rewind()
        return self

    def close(self) -> None:
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    @property
    def owned(self) -> Self:
        return self

    def writer(self) -> "MemoryWriter":
        return MemoryWriter(self)

    def reader(self, topic: str, group: str = STORE_GROUP) -> "MemoryReader":
        return MemoryReader(self, self.topic(topic), group)

    def topic(self, name: str) -> list[MemoryPartition]:
        with self.changed:
            return self._topics[name]

    def take(self, topic: str, value: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        """Append at once. Raises LogUnavailableError."""
        partitions = self.topic(topic)
        with self.changed:
            backlog = self.backlog_bytes()
            if self._closed or self.refusal or (backlog and backlog + len(value) > self._max_bytes):
                raise LogUnavailableError(self.refusal or ("it is closed" if self._closed else f"{backlog} bytes wait for the store"))
            self._turn += 1
            number = self._turn % len(partitions)
            offset = partitions[number].end
            self.put(topic, number, offset, value, headers)
            return number, offset

    def put(self, topic: str, partition: int, offset: int, value: bytes, headers: Mapping[str, str]) -> None:
        """A record exactly there, for tests that need one at a certain position."""
        found = self.topic(topic)[partition]
        with self.changed:
            found.put(Record(topic, partition, offset, value, dict(headers)))
            self.changed.notify_all()

    def records(self, topic: str, partition: int = 0, start: int = 0) -> Iterator[Record]:
        return iter([record for record in self.topic(topic)[partition].records if record.offset >= start])

    def partitions(self, topic: str) -> int:
        return len(self.topic(topic))

    def start(self, topic: str, partition: int = 0) -> int:
        return self.topic(topic)[partition].start

    def end(self, topic: str, partition: int = 0) -> int:
        return self.topic(topic)[partition].end

    def synced(self, topic: str, partition: int = 0) -> int:
        found = self.topic(topic)[partition]
        return max(found.synced, found.start)

    def release(self, topic: str, partition: int, offset: int) -> int:
        found = self.topic(topic)[partition]
        with self.changed:
            found.synced = max(found.synced, found.past_gap(min(offset, found.group(STORE_GROUP))))
            freed = sum(len(record.value) for record in found.records if record.offset < found.synced)
            found.records = [record for record in found.records if record.offset >= found.synced]
            return freed

    def advance(self, topic: str, partition: int, offset: int) -> None:
        found = self.topic(topic)[partition]
        with self.changed:
            if offset > found.end:
                found.advance(offset)
                self.changed.notify_all()

    def backlog_bytes(self) -> int:
        return sum(partition.waiting for topic in self._topics.values() for partition in topic)


class MemoryWriter:
    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def append(self, topic: str, value: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        return self._log.take(topic, value, headers)


class MemoryReader:
    """A PositionedReader."""

    def __init__(self, log: MemoryLog, partitions: list[MemoryPartition], group: str) -> None:
        self._log, self._partitions, self._group = log, partitions, group
        self._positions = [partition.group(group) for partition in partitions]
        self._closed = False

    def begin(self, resume: Resume) -> None:
        for number, committed in self.committed().items():
            self.seek(number, resume(number, committed))

    def poll(self, max_bytes: int, timeout: float) -> list[Record]:
        deadline = time.monotonic() + timeout
        with self._log.changed:
            while not self._closed:
                if records := self._take(max_bytes):
                    return records
                left = deadline - time.monotonic()
                if left <= 0 or not self._log.changed.wait(left):
                    break
        return []

    def _take(self, max_bytes: int) -> list[Record]:
        records: list[Record] = []
        for number, partition in enumerate(self._partitions):
            for record in partition.records:
                if record.offset >= self._positions[number] and (not records or len(record.value) <= max_bytes):
                    records.append(record)
                    max_bytes -= len(record.value)
                elif record.offset >= self._positions[number]:
                    break
            self._positions[number] = max([self._positions[number], *(r.offset + 1 for r in records if r.partition == number)])
        return records

    def commit(self, offsets: Mapping[int, int]) -> None:
        with self._log.changed:
            for number, offset in offsets.items():
                self._partitions[number].commit(self._group, offset)

    def committed(self) -> dict[int, int]:
        return {number: partition.group(self._group) for number, partition in enumerate(self._partitions)}

    def lag(self) -> int:
        return sum(partition.end - partition.group(self._group) for partition in self._partitions)

    def seek(self, partition: int, offset: int) -> None:
        with self._log.changed:
            self._positions[partition] = offset

    def wake(self) -> None:
        with self._log.changed:
            self._closed = True
            self._log.changed.notify_all()

    def close(self) -> None:
        self.wake()
