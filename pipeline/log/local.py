"""A durable log on the local disk with the shape of Kafka: topics, partitions, offsets, committed positions."""

import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pipeline.log.files import lock_directory, machine_boot, replace_file
from pipeline.log.observer import LogObserver, NoObserver
from pipeline.log.port import STORE_GROUP
from pipeline.log.reader import Cursor, LocalReader
from pipeline.log.topic import Topic
from pipeline.log.writer import GroupWriter, Limits, LocalWriter
from schemas.ports import Record

MEBIBYTE = 1024 * 1024
TOPIC_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200}")
RECORDS_BYTES = 4 * MEBIBYTE

Durability = Literal["disk", "process"]

logger = logging.getLogger(__name__)


class LocalLog:
    """Files under `directory`, one process at a time:

    lock, boot_id
    TOPIC/PARTITION/00000000000000000000.log    records from that offset on
    TOPIC/positions/group-GROUP.json, synced.json
    """

    def __init__(
        self,
        directory: Path,
        *,
        durability: Durability = "disk",
        segment_bytes: int = 64 * MEBIBYTE,
        max_bytes: int = 4096 * MEBIBYTE,
        min_free_bytes: int = 256 * MEBIBYTE,
        pending_bytes: int = 256 * MEBIBYTE,
        partitions: int = 1,
        observer: LogObserver | None = None,
    ) -> None:
        """All sizes in bytes. Appends are refused while `max_bytes` of records are not committed by the group "processor", while
        the disk has less than `min_free_bytes`, and while `pending_bytes` of records wait in memory for the disk.
        `partitions` is for new topics; existing ones keep theirs and grow if it is more.
        """
        self._directory, self._partitions, self._segment_bytes = directory, partitions, segment_bytes
        self._sync = durability == "disk"
        self._limits = Limits(max_bytes, min_free_bytes, pending_bytes)
        self._observer = observer or NoObserver()
        self._opening = threading.Lock()
        self._topics: dict[str, Topic] = {}
        self._lock: int | None = None
        self._rebooted = False
        self._writer: GroupWriter | None = None

    def open(self) -> Self:
        """Recover what is there and start the writing thread. Raises LogLockedError, OSError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._lock = lock_directory(self._directory)
        try:
            self._rebooted = self._has_rebooted()
            for path in sorted(self._directory.iterdir()):
                if path.is_dir() and TOPIC_NAME.fullmatch(path.name):
                    self._topic(path.name)
            self._remember_boot()
            self._writer = GroupWriter(self._directory, self._limits, self._topic, self.backlog_bytes, self._observer)
        except BaseException:
            self._unlock()
            raise
        return self

    def close(self) -> None:
        """Write what was handed over, then let another process have the directory. Blocks."""
        if self._writer is not None:
            self._writer.close()
        for topic in self._topics.values():
            topic.close()
        self._topics.clear()
        self._unlock()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def owned(self) -> Self:
        return self

    def writer(self) -> LocalWriter:
        """The log must be open."""
        if self._writer is None:
            raise RuntimeError("open the log first")
        return LocalWriter(self._writer)

    def reader(self, topic: str, group: str = STORE_GROUP) -> LocalReader:
        """Starts where `group` committed last. Raises OSError for a new topic that cannot be made."""
        return LocalReader(self._topic(topic), group, self._observer)

    def records(self, topic: str, partition: int = 0, start: int = 0) -> Iterator[Record]:
        """All records from `start` on that are kept and acknowledged by now. Raises OSError."""
        found = self._topic(topic)
        cursor = Cursor(found.partitions[partition], self._observer)
        end = found.partitions[partition].end
        cursor.offset = start
        try:
            while records := cursor.read(RECORDS_BYTES) if cursor.offset < end else []:
                yield from (record for record in records if record.offset < end)
        finally:
            cursor.close()

    def topics(self) -> list[str]:
        return sorted(self._topics)

    def partitions(self, topic: str) -> int:
        return len(self._topic(topic).partitions)

    def start(self, topic: str, partition: int = 0) -> int:
        """Offset of the oldest record that is kept."""
        return self._topic(topic).partitions[partition].start

    def end(self, topic: str, partition: int = 0) -> int:
        """Offset that the next record gets."""
        return self._topic(topic).partitions[partition].end

    def synced(self, topic: str, partition: int = 0) -> int:
        return self._topic(topic).synced(partition)

    def release(self, topic: str, partition: int, offset: int) -> int:
        """The store has everything below `offset` on its disk (`sync_filesystem` after the insert): it is needed no more.

        Only what the group "processor" has committed counts. Returns the bytes that were freed; the newest file stays. Blocks.
        """
        return self._topic(topic).release(partition, offset)

    def advance(self, topic: str, partition: int, offset: int) -> None:
        """Give no offset below `offset` any more: the store already has records of these positions.

        To call at start with the store's highest position + 1: a power cut with durability "process", or a lost log
        directory, else would let new records pass for ones that are stored already.
        """
        self._topic(topic).advance(partition, offset)

    def backlog_bytes(self) -> int:
        """Bytes that the group "processor" has not committed yet; up to 64 kB per partition too many."""
        return sum(topic.backlog_bytes() for topic in tuple(self._topics.values()))

    def _topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is not None:
            return topic
        if not TOPIC_NAME.fullmatch(name):
            raise ValueError(f"no name for a topic: {name!r}")
        with self._opening:
            if name not in self._topics:
                topic = Topic(
                    self._directory / name,
                    partitions=self._partitions,
                    segment_bytes=self._segment_bytes,
                    sync=self._sync,
                    rebooted=self._rebooted,
                )
                self._observer.opened(name, topic.disk_bytes, topic.backlog_bytes)
                self._topics[name] = topic
            return self._topics[name]

    def _has_rebooted(self) -> bool:
        """Where the system does not name its boots, every start counts as one."""
        boot = machine_boot()
        try:
            return not boot or (self._directory / "boot_id").read_text().strip() != boot
        except OSError:
            return True

    def _remember_boot(self) -> None:
        """After all positions were rewound. On a full disk the next start reads once more what it need not."""
        try:
            if self._rebooted:
                replace_file(self._directory / "boot_id", machine_boot().encode(), sync=True)
        except OSError as error:
            logger.warning("the machine's boot id cannot be stored: %s", error)
        self._rebooted = False

    def _unlock(self) -> None:
        if self._lock is not None:
            descriptor, self._lock = self._lock, None
            os.close(descriptor)
