"""Reading the local log: by position, from the files, no further than what is acknowledged."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping

import orjson

from pipeline.log.frame import Damage, Frame, read_frames
from pipeline.log.observer import LogObserver
from pipeline.log.partition import Partition
from pipeline.log.port import Resume
from pipeline.log.segment import Segment
from pipeline.log.topic import Topic
from schemas.ports import Record

logger = logging.getLogger(__name__)


class Cursor:
    """A place in one partition. One thread only."""

    def __init__(self, partition: Partition, observer: LogObserver) -> None:
        self.offset = 0
        self._partition, self._observer = partition, observer
        self._segment: Segment | None = None
        self._descriptor: int | None = None
        self._position = 0

    @property
    def behind(self) -> bool:
        return self.offset < self._partition.end

    def read(self, max_bytes: int) -> list[Record]:
        """About `max_bytes` of records, at least one where there is one, and move behind them. Raises OSError."""
        while self.behind:
            end = self._partition.end  # before the files are looked at: they hold at least this
            segments = self._partition.segments
            limit = self._enter(segments)
            if self._descriptor is None or self._position >= limit:
                if not self._next(segments):
                    self.offset = max(self.offset, end)
                continue
            records = self._take(limit, max_bytes)
            if records:
                return records
        return []

    def seek(self, offset: int) -> None:
        """Call it while no record can be acknowledged: at the end it takes the file's size for its place."""
        self.close()
        self.offset = offset
        if not self.behind and self._partition.segments:
            newest = self._partition.segments[-1]
            self._open(newest)
            self._position = newest.size

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._segment, self._position = None, None, 0

    def _enter(self, segments: tuple[Segment, ...]) -> int:
        """Open the file in which `offset` lies unless one is open; returns how many bytes of it are acknowledged."""
        if self._segment is None and segments:
            self._open(segments[self._partition.find(self.offset)])
        return 0 if self._segment is None else self._segment.size

    def _open(self, segment: Segment) -> None:
        self.close()
        try:
            self._descriptor = os.open(segment.path, os.O_RDONLY)
        except FileNotFoundError:
            if segment not in self._partition.segments:
                return  # released meanwhile: the next look finds the oldest one that is left
            logger.error("acknowledged records are lost: %s is gone", segment.path)
            self._observer.damaged(self._partition.topic, segment.size)
            self._position = segment.size
        self._segment = segment

    def _next(self, segments: tuple[Segment, ...]) -> bool:
        """Go on with the first file behind this one; False at the end of the newest."""
        base = -1 if self._segment is None else self._segment.base
        # An emptied file is replaced by one of the same base.
        later = next((segment for segment in segments if segment.base >= base and segment is not self._segment), None)
        if later is None:
            return False
        self._open(later)
        return True

    def _take(self, limit: int, max_bytes: int) -> list[Record]:
        assert self._descriptor is not None
        records = []
        bound = self._bound()
        for item in read_frames(self._descriptor, self._position, limit, max_bytes):
            self._position = item.stop
            if isinstance(item, Damage):
                self._report(item)
            elif self.offset <= item.offset < bound:
                records.append(self._record(item))
                self.offset = item.offset + 1
        return records

    def _bound(self) -> int:
        """Offsets from here on lie in the next file; where this one has such too, they were refused."""
        assert self._segment is not None
        base = self._segment.base
        return next((segment.base for segment in self._partition.segments if segment.base > base), sys.maxsize)

    def _record(self, frame: Frame) -> Record:
        return Record(self._partition.topic, self._partition.number, frame.offset, bytes(frame.value), orjson.loads(frame.headers))

    def _report(self, damage: Damage) -> None:
        assert self._segment is not None
        size = damage.stop - damage.start
        logger.error(
            "acknowledged records are lost: %s, bytes %d to %d, after offset %d are damaged",
            self._segment.path, damage.start, damage.stop, self.offset - 1,
        )  # fmt: skip
        self._observer.damaged(self._partition.topic, size)


class LocalReader:
    """A LogReader. Starts where its group committed last."""

    def __init__(self, topic: Topic, group: str, observer: LogObserver, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic, self._group, self._clock = topic, group, clock
        self._cursors = [Cursor(partition, observer) for partition in topic.partitions]
        for partition in topic.partitions:
            self.seek(partition.number, topic.committed(group, partition.number))
        self._turn = 0
        self._closed = False

    def begin(self, resume: Resume) -> None:
        for number, committed in self.committed().items():
            self.seek(number, resume(number, committed))

    def poll(self, max_bytes: int, timeout: float) -> list[Record]:
        """Raises OSError where the disk does not read."""
        deadline = self._clock() + timeout
        while self._wait(deadline):
            if records := self._read(max_bytes):
                return records
        return []

    def _wait(self, deadline: float) -> bool:
        with self._topic.changed:
            while not self._closed and not any(cursor.behind for cursor in self._cursors):
                left = deadline - self._clock()
                if left <= 0 or not self._topic.changed.wait(left):
                    return False
            return not self._closed

    def _read(self, max_bytes: int) -> list[Record]:
        """Each partition comes first in its turn, so that a busy one does not starve the others."""
        self._turn += 1
        records: list[Record] = []
        for index in range(len(self._cursors)):
            if max_bytes > 0:
                taken = self._cursors[(self._turn + index) % len(self._cursors)].read(max_bytes)
                max_bytes -= sum(len(record.value) for record in taken)
                records += taken
        return records

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Raises ValueError for offsets that were never given. Lower ones than before change nothing."""
        self._topic.commit(self._group, offsets)

    def committed(self) -> dict[int, int]:
        return {partition.number: self._topic.committed(self._group, partition.number) for partition in self._topic.partitions}

    def lag(self) -> int:
        return sum(partition.end - self._topic.committed(self._group, partition.number) for partition in self._topic.partitions)

    def seek(self, partition: int, offset: int) -> None:
        """The next poll goes on at `offset`, or at the oldest record that is kept. What is committed stays."""
        with self._topic.changed:
            self._cursors[partition].seek(offset)

    def wake(self) -> None:
        """From any thread: let a poll that waits return now, and every later one, with nothing."""
        with self._topic.changed:
            self._closed = True
            self._topic.changed.notify_all()

    def close(self) -> None:
        self.wake()
        for cursor in self._cursors:
            cursor.close()
