"""One topic of the local log: its partitions and the positions of those who read it."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from pipeline.log.files import read_offsets, sync_directory, write_offsets
from pipeline.log.partition import Partition, Written
from pipeline.log.port import STORE_GROUP

logger = logging.getLogger(__name__)


class Topic:
    """`changed` guards partitions' ends, backlogs and positions, and wakes readers."""

    def __init__(self, directory: Path, *, partitions: int, segment_bytes: int, sync: bool, rebooted: bool) -> None:
        """Recovers what is there; `rebooted` when the machine was restarted since it was written. Raises OSError."""
        self.name = directory.name
        self.changed = threading.Condition()
        self._storing = threading.Lock()
        self._positions = directory / "positions"
        if not self._positions.exists():
            self._positions.mkdir(parents=True)
            if sync:
                sync_directory(directory)
                sync_directory(directory.parent)
        found = sum(1 for path in directory.iterdir() if path.name.isdigit())
        self.partitions = [
            Partition(directory / str(number), self.name, number, segment_bytes=segment_bytes, sync=sync)
            for number in range(max(partitions, found))
        ]
        self._synced = self._read("synced") or {}
        self._committed = {path.stem[len("group-") :]: self._read(path.stem) or {} for path in self._positions.glob("group-*.json")}
        self._skip_lost()
        if rebooted:
            self._rewind()
        for partition in self.partitions:
            partition.backlog.commit(self.committed(STORE_GROUP, partition.number))

    def synced(self, number: int) -> int:
        return max(self._synced.get(number, 0), self.partitions[number].start)

    def committed(self, group: str, number: int) -> int:
        """Where `group` goes on reading after a restart."""
        return max(self._committed.get(group, {}).get(number, 0), self.partitions[number].start)

    def commit(self, group: str, offsets: Mapping[int, int]) -> None:
        with self.changed:
            committed = self._committed.setdefault(group, {})
            for number, offset in offsets.items():
                if offset > self.partitions[number].end:
                    raise ValueError(f"{self.name}/{number}: offset {offset} is behind the end, {self.partitions[number].end}")
                committed[number] = max(self.partitions[number].past_gap(offset), committed.get(number, 0))
                if group == STORE_GROUP:
                    self.partitions[number].backlog.commit(offset)
            snapshot = dict(committed)
        self._try_write(f"group-{group}", snapshot, sync=False)

    def release(self, number: int, offset: int) -> int:
        """Returns the bytes that were freed. The files may go before the position is stored: then reading starts at the oldest file."""
        with self.changed:
            offset = self.partitions[number].past_gap(min(offset, self.committed(STORE_GROUP, number)))
            if offset <= self._synced.get(number, 0):
                return 0
            self._synced[number] = offset
            snapshot = dict(self._synced)
        freed = self.partitions[number].release(offset)
        self._try_write("synced", snapshot, sync=True)
        return freed

    def advance(self, number: int, offset: int) -> None:
        """The next record of the partition gets at least `offset`; whoever has read everything has read the gap too."""
        with self.changed:
            partition = self.partitions[number]
            if offset <= partition.end:
                return
            partition.advance(offset)
            for offsets in self._committed.values():
                offsets[number] = partition.past_gap(offsets.get(number, 0))
            self.changed.notify_all()

    def acknowledge(self, partition: Partition, written: Written) -> None:
        with self.changed:
            partition.acknowledge(written)
            self.changed.notify_all()

    def disk_bytes(self) -> int:
        return sum(segment.size for partition in self.partitions for segment in partition.segments)

    def backlog_bytes(self) -> int:
        """What the store has not committed; up to 64 kB per partition too many."""
        return sum(partition.backlog.size for partition in self.partitions)

    def close(self) -> None:
        for partition in self.partitions:
            partition.close()
        with self.changed:
            self.changed.notify_all()

    def _skip_lost(self) -> None:
        """Positions outlive records that a power cut took: never give an offset a second time."""
        for partition in self.partitions:
            number = partition.number
            known = [self._synced.get(number, 0), *(offsets.get(number, 0) for offsets in self._committed.values())]
            if max(known) > partition.end:
                logger.warning("%s/%d: committed records %d to %d are not here", self.name, number, partition.end, max(known) - 1)
                self.advance(number, max(known))

    def _rewind(self) -> None:
        """The store may have lost what it had not synced when the machine stopped."""
        for group, offsets in self._committed.items():
            rewound = {number: min(offset, self.synced(number)) for number, offset in offsets.items()}
            if rewound != offsets:
                logger.warning("the machine was restarted: %s of topic %s reads again from %s", group, self.name, rewound)
                offsets.update(rewound)
                self._try_write(f"group-{group}", offsets, sync=True)

    def _read(self, name: str) -> dict[int, int] | None:
        return read_offsets(self._positions / f"{name}.json")

    def _try_write(self, name: str, offsets: dict[int, int], *, sync: bool) -> None:
        """A position that is not stored only means that records come once more after a restart."""
        try:
            with self._storing:
                write_offsets(self._positions / f"{name}.json", offsets, sync=sync)
        except OSError as error:
            logger.warning("position %s of topic %s cannot be stored: %s", name, self.name, error)
