"""The Parquet archive on disk: one file for the rows of one project that one table received on one day.

DIRECTORY/TABLE/project=NAME/day=2030-01-31/30.parquet      30: the days these rows were to be kept
                                            /394.restored   rows that were put back, so that they are not archived again
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

_ABOUT: Final = b"mission_control"
COMPRESSION: Final = "zstd"


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Rows that grow old together."""

    table: str
    project: str
    day: date
    retention_days: int


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    group: Group
    path: Path
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files; empty means all. Days are those of receipt, both inclusive."""

    project: str = ""
    tables: tuple[str, ...] = ()
    since: date = date.min
    until: date = date.max

    def has(self, group: Group) -> bool:
        return (
            self.project in ("", group.project)
            and (not self.tables or group.table in self.tables)
            and self.since <= group.day <= self.until
        )


@dataclass(frozen=True, slots=True)
class ArchiveFiles:
    """Files appear whole and never change. All methods raise OSError."""

    directory: Path

    def has(self, group: Group) -> bool:
        return self._path(group).exists() or self._mark(group).exists()

    def write(self, group: Group, blocks: Iterable[pa.Table]) -> int:
        """Returns the rows; `blocks` share one schema and become row groups. No rows leave no file."""
        path = self._path(group)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        rows, writer = 0, None
        try:
            for block in blocks:
                writer = writer or pq.ParquetWriter(draft, block.schema.with_metadata(_about(group)), compression=COMPRESSION)
                writer.write_table(block.replace_schema_metadata(_about(group)))
                rows += block.num_rows
        finally:
            if writer is not None:
                writer.close()
        if rows:
            _flush(draft)
            draft.rename(path)
            _flush(path.parent)
        return rows

    def mark_restored(self, group: Group, retention_days: int) -> None:
        """Rows of the group are in the store again, to be kept that long."""
        self._mark(Group(group.table, group.project, group.day, retention_days)).touch()

    def files(self, wanted: Wanted) -> Iterator[ArchivedFile]:
        """In order of table, project and day."""
        for path in sorted(self.directory.glob("*/project=*/day=*/*.parquet")):
            group = _group(path)
            if wanted.has(group):
                yield ArchivedFile(group, path, pq.read_metadata(path).num_rows, path.stat().st_size)

    def remove_before(self, day: date) -> int:
        """Whatever was received before `day`; returns the number of files."""
        old = [path for path in self.directory.glob("*/project=*/day=*/*.*") if _day(path) < day]
        for path in old:
            path.unlink()
        for folder in {path.parent for path in old}:
            folder.rmdir()
        return len(old)

    def _path(self, group: Group) -> Path:
        folder = self.directory / group.table / f"project={quote(group.project, safe='')}" / f"day={group.day.isoformat()}"
        return folder / f"{group.retention_days}.parquet"

    def _mark(self, group: Group) -> Path:
        return self._path(group).with_suffix(".restored")


def blocks(file: ArchivedFile) -> Iterator[pa.Table]:
    """Row group by row group."""
    with pq.ParquetFile(file.path) as opened:
        for number in range(opened.num_row_groups):
            yield opened.read_row_group(number)


def _about(group: Group) -> dict[bytes, bytes]:
    """For people who find a file without its folders."""
    about: dict[str, Any] = asdict(group)
    return {_ABOUT: json.dumps({**about, "day": group.day.isoformat()}).encode()}


def _group(path: Path) -> Group:
    project = unquote(path.parent.parent.name.removeprefix("project="))
    return Group(path.parent.parent.parent.name, project, _day(path), int(path.stem))


def _day(path: Path) -> date:
    return date.fromisoformat(path.parent.name.removeprefix("day="))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
