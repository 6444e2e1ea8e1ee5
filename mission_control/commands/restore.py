"""`restore`: a backup becomes a data directory again, verified before anything can start on it."""

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mission_control.commands.backup import TAR
from mission_control.commands.output import write_json
from mission_control.commands.target import Data, Json
from mission_control.commands.words import size
from mission_control.errors import CommandError
from schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from operations.backup import Manifest

DRAFT: Final = ".restoring-"
PARTS: Final = ("log", "store")
VERIFIED: Final = "verified"
"""Stands in a draft while its parts get their names one after the other."""
Source = Annotated[Path, typer.Argument(metavar="DIR|FILE.tar", help="What `mission-control backup` wrote.", exists=True)]


def restore(source: Source, data: Data = None, as_json: Json = False) -> None:
    """Make a data directory from a backup; one that has data already is left alone. What was interrupted, the same command does again."""
    settings = load_settings(data_dir=data and data.expanduser().absolute())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _tidy(settings.data_dir)
    taken = [name for name in PARTS if (settings.data_dir / name).exists()]
    if taken:
        raise CommandError(f"{settings.data_dir} has a {' and a '.join(taken)} already; restore into another directory with --data")
    with _unpacked(source.expanduser().absolute(), settings) as directory:
        manifest = _restore(directory, settings)
    if as_json:
        write_json({"path": str(settings.data_dir), "bytes": manifest.bytes, **asdict(manifest)})
        return
    rows = sum(manifest.tables.values())
    typer.echo(f"{settings.data_dir}: {size(manifest.bytes)}, {rows} rows of {manifest.created_at} are back and verified")


def _tidy(directory: Path) -> None:
    """What an earlier one left: halves of a pair that was being put in its place, and drafts."""
    for draft in directory.glob(DRAFT + "*"):
        if (draft / VERIFIED).exists():
            for part in PARTS:
                if not (draft / part).exists():
                    shutil.rmtree(directory / part, ignore_errors=True)
        shutil.rmtree(draft)


@contextmanager
def _unpacked(source: Path, settings: Settings) -> Iterator[Path]:
    if source.suffix != TAR:
        yield source
        return
    directory = Path(tempfile.mkdtemp(prefix=DRAFT, dir=settings.data_dir))
    try:
        with tarfile.open(source) as packed:
            packed.extractall(directory, filter="data")
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _restore(source: Path, settings: Settings) -> "Manifest":
    """Under other names first, so that what a death interrupts is no data directory."""
    from operations.backup import put_back, put_files_back, read_manifest
    from pipeline.log.files import sync_filesystem
    from schemas.store import open_embedded

    manifest = read_manifest(source)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=settings.data_dir))
    store = open_embedded(draft / "store", settings.store_memory_bytes, settings.store_cache_bytes, backups=source)
    try:
        put_back(store, source, manifest)
    finally:
        store.close()
    shutil.copytree(source / "log", draft / "log")
    if manifest.archive:
        put_files_back(source, manifest, settings.archive)
        sync_filesystem(settings.archive)
    sync_filesystem(draft)
    (draft / VERIFIED).touch()
    for part in PARTS:
        (draft / part).rename(settings.data_dir / part)
    (draft / VERIFIED).unlink()
    draft.rmdir()
    sync_filesystem(settings.data_dir)
    return manifest
