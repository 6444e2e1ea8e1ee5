"""The files of one partition of a topic: written by one thread, read by many."""

import logging
import os
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.log.backlog import Backlog
from pipeline.log.files import sync_directory, write_all
from pipeline.log.frame import encode_head
from pipeline.log.segment import Segment, list_segments, recover_tail

logger = logging.getLogger(__name__)

Body = tuple[bytes, bytes]
"""Headers as JSON, and the value."""


@dataclass(frozen=True, slots=True)
class Written:
    """A group of records that lies in `segment`, not acknowledged yet. `first` is its first record's offset."""

    segment: Segment
    first: int
    records: int
    size: int


class Partition:
    """`segments` is replaced, never changed, so readers need no lock; `end` is the offset after the last acknowledged record.

    What must be so for readers: a segment's `size` grows before `end` does, and never again once a later segment is listed.
    """

    def __init__(self, directory: Path, topic: str, number: int, *, segment_bytes: int, sync: bool) -> None:
        """Recovers what the directory holds. Raises OSError."""
        self.topic, self.number = topic, number
        self.backlog = Backlog()
        self._directory, self._segment_bytes, self._sync = directory, segment_bytes, sync
        self._listing = threading.Lock()
        self._active: int | None = None
        self._distrusted = False
        """The newest file takes no more records, whatever its size."""
        self._uncut: list[Segment] = []
        """Files that still hold refused bytes, which a restart would take for records."""
        self._gap = (0, 0)
        if not directory.exists():
            directory.mkdir(parents=True)
            if sync:
                sync_directory(directory.parent)
        self.segments: tuple[Segment, ...] = tuple(list_segments(directory))
        self.end = self._recover()

    @property
    def start(self) -> int:
        """Offset of the oldest record that is kept."""
        return next((segment.base for segment in self.segments if segment.size), self.end)

    def _recover(self) -> int:
        if not self.segments:
            return 0
        for older, newer in zip(self.segments, self.segments[1:], strict=False):
            self.backlog.add(newer.base, older.size)
        scan = recover_tail(self.segments[-1])
        for end, size in scan.marks:
            self.backlog.add(end, size)
        for damage in scan.damage:
            logger.error("records are damaged: %s, bytes %d to %d", self.segments[-1].path, damage.start, damage.stop)
        return scan.end

    def advance(self, offset: int) -> None:
        """The next record gets this offset, which is more than `end`."""
        self._gap = (self._gap[0] if self._gap[1] == self.end else self.end, offset)
        self.end = offset

    def past_gap(self, offset: int) -> int:
        """Whoever has read up to a gap that `advance` made has read the gap too."""
        first, after = self._gap
        return after if first <= offset < after else offset

    def write(self, bodies: Sequence[Body]) -> Written:
        """Append to the newest segment, without acknowledging. Raises OSError; then nothing is left of them."""
        segment, descriptor = self._writable()
        buffers: list[bytes] = []
        for offset, (headers, value) in enumerate(bodies, self.end):
            buffers += (encode_head(offset, headers, value) + headers, value)
        size = sum(map(len, buffers))
        try:
            write_all(descriptor, buffers, size, segment.size)
        except OSError:
            self._undo(segment, trust_file=True)
            raise
        return Written(segment, self.end, len(bodies), size)

    def sync(self, written: Written) -> None:
        """Raises OSError; then nothing is left of the group, and its file takes no more records.

        The kernel drops the dirty mark of pages that it failed to write, so a later sync of the same file could lie.
        """
        if not self._sync or self._active is None:
            return
        try:
            os.fdatasync(self._active)
        except OSError:
            self._undo(written.segment, trust_file=False)
            raise

    def acknowledge(self, written: Written) -> None:
        """Show the group to readers."""
        written.segment.size += written.size
        self.end = written.first + written.records
        self.backlog.add(self.end, written.size)

    def release(self, offset: int) -> int:
        """Delete whole segments below `offset`; returns how many bytes that freed. Raises OSError."""
        with self._listing:
            segments = self.segments
            kept = 0
            while kept + 1 < len(segments) and segments[kept + 1].base <= offset:
                kept += 1
            self.segments = segments[kept:]
        for segment in segments[:kept]:
            segment.path.unlink(missing_ok=True)
        return sum(segment.size for segment in segments[:kept])

    def find(self, offset: int) -> int:
        """Index of the segment in which `offset` lies, of the oldest one for offsets that are gone, -1 without segments."""
        bases = [segment.base for segment in self.segments]
        return max(bisect_right(bases, offset) - 1, 0 if bases else -1)

    def close(self) -> None:
        """Raises OSError where the last records of a log that does not sync cannot be synced now."""
        self._uncut = [segment for segment in self._uncut if not self._cut(segment)]
        if self._active is not None:
            descriptor, self._active = self._active, None
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def _writable(self) -> tuple[Segment, int]:
        newest = self.segments[-1] if self.segments else None
        if newest is None or self._distrusted or newest.size >= self._segment_bytes:
            return self._roll()
        if newest.size == 0 and newest.base != self.end:  # made before `advance`: a file is named by its first record
            return self._roll()
        if self._active is None:
            self._active = os.open(newest.path, os.O_WRONLY)
        return newest, self._active

    def _roll(self) -> tuple[Segment, int]:
        """Start a new file. One of whose records none was acknowledged gives way to it."""
        self._abandon()
        self._uncut = [segment for segment in self._uncut if not self._cut(segment)]
        if self.segments and self.segments[-1].size == 0:
            self.segments[-1].path.unlink(missing_ok=True)
        segment = Segment.named(self._directory, self.end)
        self._active = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if self._sync:
            sync_directory(self._directory)
        self._distrusted = False
        with self._listing:
            kept = self.segments[:-1] if self.segments and self.segments[-1].size == 0 else self.segments
            self.segments = (*kept, segment)
        return segment, self._active

    def _undo(self, segment: Segment, *, trust_file: bool) -> None:
        """Take back what was written behind the acknowledged bytes."""
        self._distrusted = not trust_file
        if not self._cut(segment):
            self._distrusted = True
            self._uncut.append(segment)

    def _cut(self, segment: Segment) -> bool:
        try:
            os.truncate(segment.path, segment.size)
        except FileNotFoundError:
            return True
        except OSError as error:
            logger.warning("%s keeps bytes that were refused, a new file follows: %s", segment.path, error)
            return False
        return True

    def _abandon(self) -> None:
        if self._active is not None:
            descriptor, self._active = self._active, None
            os.close(descriptor)
