"""A backup of the embedded system: what the store and the log hold at one time, as a directory that verifies itself.

DIRECTORY/
    manifest.json   written last: without it a directory is no backup
    store/          ClickHouse's own BACKUP of the database
    log/            the local log's files, from the positions that were committed before the store was copied
    archive/        the Parquet files of the cold tier, where they are wanted
"""

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from xml.etree import ElementTree

from operations.archive_copy import Entry, copy_archive, put_archive_back
from operations.errors import BackupError
from schemas.store import DATABASE, Store

MANIFEST: Final = "manifest.json"
ARCHIVE: Final = "archive"
FORMAT: Final = 2
READS: Final = (1, FORMAT)
"""1 had no archive."""
PARTIAL: Final = ".partial-"
_COUNTED: Final = "SELECT table, sum(rows) AS rows FROM system.parts WHERE active AND database = {database:String} GROUP BY table"
_TABLES: Final = "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' ORDER BY name"


class LogCopy(Protocol):
    """What a backup asks of the log: hold on, hand over, let go (`pipeline.log.snapshot.LogSnapshot`)."""

    def begin(self) -> Any: ...
    def write_to(self, target: Path) -> int: ...
    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """`tables` are rows per table, duplicates that wait for a merge included; sizes in bytes, `seconds` is how long store and log took.

    `archive` are the archive's files by their path in it.
    """

    format: int
    version: str
    created_at: str
    schema: list[str]
    tables: dict[str, int]
    store_bytes: int
    log_bytes: int
    seconds: float
    archive: dict[str, Entry] = field(default_factory=dict)

    @property
    def copied_bytes(self) -> int:
        """Of store and log, in `seconds`."""
        return self.store_bytes + self.log_bytes

    @property
    def bytes(self) -> int:
        return self.copied_bytes + sum(size for size, _ in self.archive.values())


def take(store: Store, log: LogCopy, directory: Path, version: str, sync: Callable[[Path], None], archive: Path | None = None) -> Manifest:
    """Write a backup to `directory`, which must not exist and lie below the engine's directory for backups. Blocks; safe while rows come in.

    `sync` flushes the file system of a path; `archive` is where the Parquet files lie that go with it.
    Raises BackupError, OSError, DatabaseError; then nothing is left in `directory`.
    """
    if directory.exists():
        raise BackupError(directory, "something is there already")
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=directory.parent))
    try:
        manifest = _fill(store, log, draft, version)
        if archive is not None:
            manifest = replace(manifest, archive=copy_archive(archive, draft / ARCHIVE))
        sync(draft)
        (draft / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
        sync(draft)
        draft.rename(directory)
        sync(directory.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def _fill(store: Store, log: LogCopy, draft: Path, version: str) -> Manifest:
    """The order matters: 1. positions of the log, 2. the store, 3. the log's files."""
    started = time.monotonic()
    names = [str(row["name"]) for row in store.query("SELECT name FROM schema_migrations FINAL ORDER BY name")]
    try:
        log.begin()
        store.raw(f"BACKUP DATABASE {DATABASE} TO File({_quoted(draft / 'store')})", "TSV")
        log_bytes = log.write_to(draft / "log")
    finally:
        log.end()
    at, seconds = datetime.now(UTC).isoformat(timespec="seconds"), round(time.monotonic() - started, 3)
    return Manifest(FORMAT, version, at, names, rows_in(draft / "store"), _size(draft / "store"), log_bytes, seconds)


def forget_partial(parent: Path) -> None:
    """What a death left half written. Only while no backup is taken there."""
    for draft in parent.glob(PARTIAL + "*"):
        shutil.rmtree(draft, ignore_errors=True)


def read_manifest(directory: Path) -> Manifest:
    """Raises BackupError for what is no whole backup of ours."""
    try:
        found = json.loads((directory / MANIFEST).read_text())
        manifest = Manifest(**found)
        manifest = replace(manifest, archive={name: (size, checksum) for name, (size, checksum) in manifest.archive.items()})
    except OSError as error:
        raise BackupError(directory, "no backup, or one that was interrupted: it has no manifest.json") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BackupError(directory, f"its manifest.json cannot be read: {error}") from error
    if manifest.format not in READS:
        raise BackupError(directory, f"it is of format {manifest.format}, this version reads {FORMAT}")
    return manifest


def rows_in(copy: Path) -> dict[str, int]:
    """Rows per table as the parts in the copy say themselves, so that nobody need stop while they are counted."""
    counted: Counter[str] = Counter()
    for _, file in ElementTree.iterparse(copy / ".backup"):
        if file.tag != "file":
            continue
        name = file.findtext("name", "")
        if name.startswith(f"data/{DATABASE}/") and name.endswith("/count.txt"):
            equal = file.findtext("data_file", "") or name  # equal files are stored once
            counted[name.split("/")[2]] += int((copy / equal).read_text())
        file.clear()
    return dict(sorted(counted.items()))


def put_back(store: Store, source: Path, manifest: Manifest) -> None:
    """Fill an empty store from a backup and verify it: checksums of every part, and rows per table. Raises BackupError, DatabaseError.

    Tables come first and are held still, because a merge drops duplicates, and then no count would tell anything.
    """
    restore = f"RESTORE DATABASE {DATABASE} FROM File({_quoted(source / 'store')}) SETTINGS allow_non_empty_tables = 1, structure_only = "
    store.raw(restore + "1", "TSV")
    store.command("SYSTEM STOP MERGES")
    store.raw(restore + "0", "TSV")
    for row in store.query(_TABLES, {"database": DATABASE}):
        if store.raw(f"CHECK TABLE {DATABASE}.`{row['name']}` SETTINGS check_query_single_value_result = 1", "TSV").strip() != b"1":
            raise BackupError(source, f"table {row['name']} fails its checksums")
    found = {str(row["table"]): int(row["rows"]) for row in store.query(_COUNTED, {"database": DATABASE})}
    if wrong := differences(manifest.tables, found):
        raise BackupError(source, f"rows are missing or too many: {wrong}")


def put_files_back(source: Path, manifest: Manifest, archive: Path) -> None:
    """The archive's files, verified. Raises BackupError, OSError."""
    put_archive_back(source / ARCHIVE, manifest.archive, archive)


def differences(wanted: Mapping[str, int], found: Mapping[str, int]) -> str:
    """Tables whose rows differ; "" when there are none."""
    tables = sorted(wanted.keys() | found.keys())
    return ", ".join(
        f"{table} {found.get(table, 0)} instead of {wanted.get(table, 0)}"
        for table in tables
        if wanted.get(table, 0) != found.get(table, 0)
    )


def _quoted(path: Path) -> str:
    return "'" + os.fspath(path.absolute()).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
