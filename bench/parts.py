"""What a store has on disk: the parts of each table, read from the names of their directories while the engine runs.

The engine keeps merged parts for a while; those covered by a newer part of a higher level are no longer read.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.store import DATABASE


@dataclass(frozen=True, slots=True)
class Part:
    """A directory `partition_firstblock_lastblock_level`."""

    partition: str
    first: int
    last: int
    level: int
    size: int = 0
    """Bytes of its files."""

    def covers(self, other: "Part") -> bool:
        same = self.partition == other.partition
        return same and self.first <= other.first and self.last >= other.last and self.level > other.level


def parse(name: str) -> Part | None:
    """None for a directory that is no finished part (`tmp_…`, `detached`)."""
    words = name.split("_")
    if len(words) not in (4, 5) or not all(word.isdecimal() for word in words[1:4]):
        return None
    return Part(words[0], int(words[1]), int(words[2]), int(words[3]))


def active(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if not any(other.covers(part) for other in parts)]


def active_parts(data: Path) -> dict[str, list[Part]]:
    """Per table the parts that queries read. `data` is a data directory of `mission-control up`."""
    tables = data / "store" / "chdb" / "data" / DATABASE
    return {link.name: active(_parts(link)) for link in sorted(tables.iterdir())}


def _parts(table: Path) -> list[Part]:
    named = ((directory, parse(directory.name)) for directory in table.iterdir())
    return [replace(part, size=directory_bytes(directory)) for directory, part in named if part]


def directory_bytes(directory: Path) -> int:
    """Bytes of all files below; what disappears while we look counts nothing."""
    total = 0
    for root, _, files in os.walk(directory):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(root, name)).st_size
    return total
