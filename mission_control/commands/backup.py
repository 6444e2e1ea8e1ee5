"""`backup`: what a data directory holds, to be kept elsewhere; whether or not a system runs on it."""

import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mission_control.commands.output import write_json
from mission_control.commands.target import Data, Json, of_run_file
from mission_control.commands.words import size
from mission_control.errors import CommandError
from mission_control.runfile import RunInfo, read_run_file
from schemas.errors import SettingsError
from schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from operations.backup import Manifest

LOOK_SECONDS: Final = 0.1
TAR: Final = ".tar"
Place = Annotated[Path, typer.Argument(metavar="DIR|FILE.tar", help="Where to: a directory that is not there yet, or a tar file.")]

Archived = Annotated[
    bool, typer.Option("--archive/--no-archive", help="Whether the Parquet archive goes with it; linked where that can be done.")
]


def backup(place: Place, archive: Archived = True, data: Data = None, as_json: Json = False) -> None:
    """Back up the embedded store, its log and its Parquet archive, while `up` runs or while it does not."""
    settings = load_settings(data_dir=data and data.expanduser().absolute())
    if settings.clickhouse_url.get_secret_value():
        raise SettingsError("clickhouse_url", "a server is backed up by its own BACKUP, see docs/recovery.md")
    place = place.expanduser().absolute()
    if place.exists():
        raise CommandError(f"{place} exists already")
    info = read_run_file(settings.data_dir)
    manifest = _as_file(place, lambda path: _take(path, settings, info, archive))
    if as_json:
        write_json({"path": str(place), "bytes": manifest.bytes, **asdict(manifest)})
        return
    rate = manifest.copied_bytes / max(manifest.seconds, 0.001)
    rows, files = sum(manifest.tables.values()), len(manifest.archive)
    typer.echo(f"{place}: {size(manifest.bytes)}, {rows} rows in {manifest.seconds:.1f} s ({size(rate)}/s), {files} archived files")


def _as_file(place: Path, take: Callable[[Path], "Manifest"]) -> "Manifest":
    """A tar file is packed from a directory beside it, and appears whole."""
    if place.suffix != TAR:
        return take(place)
    directory = place.with_name(f".{place.name}.directory")
    draft = place.with_name(f".{place.name}.new")
    try:
        manifest = take(directory)
        with tarfile.open(draft, "w") as packed:
            packed.add(directory, arcname=".")
        _sync(place.parent)
        draft.rename(place)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        draft.unlink(missing_ok=True)
    return manifest


def _take(place: Path, settings: Settings, info: RunInfo | None, archive: bool) -> "Manifest":
    """By the running system, which has the store open, else by this process."""
    return _offline(place, settings, archive) if info is None else _online(place, settings, info, archive)


def _online(place: Path, settings: Settings, info: RunInfo, archive: bool) -> "Manifest":
    """The system writes below its own directory only; from there the backup is moved."""
    from mission_control.commands.socket import order
    from operations.backup import read_manifest

    target = of_run_file(info, "", settings)
    progress = order(target, "backup", {"archive": archive})
    while progress["state"] == "running":
        time.sleep(LOOK_SECONDS)
        progress = order(target, "backup.status", {})
    if progress["state"] != "complete":
        raise CommandError(f"the backup failed: {progress['error']}")
    _move(Path(progress["path"]), place)
    return read_manifest(place)


def _move(source: Path, place: Path) -> None:
    """Within a file system a rename; else a copy that gets its name when it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.moving")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.move(source, draft)
    _sync(draft)
    draft.rename(place)
    _sync(place.parent)


def _offline(place: Path, settings: Settings, archive: bool) -> "Manifest":
    """Nobody else may begin to use the data meanwhile. Raises LogLockedError, StoreLockedError."""
    from operations.backup import take
    from pipeline.log.files import lock_directory, sync_filesystem
    from pipeline.log.snapshot import LogSnapshot, forget_left_over
    from schemas.store import open_embedded

    store, log = settings.data_dir / "store", settings.data_dir / "log"
    if not store.is_dir():
        raise CommandError(f"there is no store in {settings.data_dir}")
    log.mkdir(exist_ok=True)
    lock_directory(log)
    forget_left_over(log)
    place.parent.mkdir(parents=True, exist_ok=True)
    opened = open_embedded(
        store, settings.store_memory_bytes, settings.store_cache_bytes, backups=place.parent, warm=settings.store_warm_dir
    )
    try:
        archived = settings.archive if archive else None
        return take(opened, LogSnapshot(log), place, version("mission-control"), sync_filesystem, archived)
    finally:
        opened.close()


def _sync(place: Path) -> None:
    from pipeline.log.files import sync_filesystem

    sync_filesystem(place)
