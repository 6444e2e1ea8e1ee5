"""The Parquet archive inside a backup. Its files never change, so where it can be done a link is as good as a copy, and costs nothing."""

import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from operations.errors import BackupError

FILES: Final = "*/project=*/day=*/*"
KEPT: Final = (".parquet", ".restored")
"""Others are half written."""
BLOCK: Final = 1 << 20
Entry = tuple[int, int]
"""Size in bytes, CRC-32 of the content."""


def copy_archive(archive: Path, target: Path) -> dict[str, Entry]:
    """Path within the archive -> what it held. After the store was copied: what a round deletes from there it has written here before."""
    copied: dict[str, Entry] = {}
    for name in _names(archive):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            _link(archive / name, place)
        except FileNotFoundError:  # too old meanwhile
            continue
        copied[name] = entry(place)
    return copied


def put_archive_back(source: Path, wanted: Mapping[str, Entry], archive: Path) -> None:
    """What is there already with the same content stays; safe to repeat after a death. Raises BackupError, OSError."""
    for name, expected in wanted.items():
        place = archive / name
        if place.exists():
            if entry(place) != expected:
                raise BackupError(place, "it is there already, with another content than in the backup")
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_suffix(".new")
        try:
            shutil.copyfile(source / name, draft)
        except FileNotFoundError as error:
            raise BackupError(source, f"{name} is missing") from error
        if entry(draft) != expected:
            draft.unlink()
            raise BackupError(source, f"{name} fails its checksum")
        os.replace(draft, place)


def entry(file: Path) -> Entry:
    size = checksum = 0
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            size, checksum = size + len(block), zlib.crc32(block, checksum)
    return size, checksum


def _names(archive: Path) -> Iterator[str]:
    return (path.relative_to(archive).as_posix() for path in sorted(archive.glob(FILES)) if path.suffix in KEPT)


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, place)
