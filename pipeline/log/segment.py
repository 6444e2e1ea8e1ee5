"""One file of a partition: records from `base` on, named by it."""

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.log.frame import Damage, read_frames

SCAN_BYTES = 4 * 1024 * 1024
SUFFIX = ".log"

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Segment:
    """`size` counts acknowledged bytes only; what lies behind them in the file belongs to nobody."""

    base: int
    path: Path
    size: int = 0

    @classmethod
    def named(cls, directory: Path, base: int) -> "Segment":
        return cls(base, directory / f"{base:020d}{SUFFIX}")


@dataclass(slots=True)
class Scan:
    """What a segment file holds. `marks` are (offset after a record, bytes since the mark before)."""

    end: int
    size: int = 0
    marks: list[tuple[int, int]] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)


def list_segments(directory: Path) -> list[Segment]:
    """Ascending by base."""
    paths = sorted(path for path in directory.iterdir() if path.suffix == SUFFIX and path.stem.isdigit())
    return [Segment(int(path.stem), path, path.stat().st_size) for path in paths]


def recover_tail(segment: Segment) -> Scan:
    """Read the newest segment, cut off what is no record at its end, return what it holds. Raises OSError.

    Damage with records behind it stays: those records were acknowledged.
    """
    descriptor = os.open(segment.path, os.O_RDWR)
    try:
        scan = _scan(descriptor, segment)
        if scan.size < segment.size:
            logger.warning("cut %d bytes of an unfinished record off the end of %s", segment.size - scan.size, segment.path)
            os.ftruncate(descriptor, scan.size)
            os.fsync(descriptor)
            segment.size = scan.size
    finally:
        os.close(descriptor)
    return scan


def _scan(descriptor: int, segment: Segment) -> Scan:
    scan = Scan(segment.base)
    pending: list[Damage] = []
    position = 0
    while position < segment.size:
        for item in read_frames(descriptor, position, segment.size, SCAN_BYTES):
            position = item.stop
            if isinstance(item, Damage):
                pending.append(item)
                continue
            scan.damage += pending
            pending.clear()
            scan.end = item.offset + 1
            scan.marks.append((scan.end, item.stop - scan.size))
            scan.size = item.stop
    return scan
