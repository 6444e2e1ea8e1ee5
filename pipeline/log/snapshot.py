"""A copy of the local log's files that agrees with a copy of the store taken meanwhile, while both go on being written.

What had been committed when the snapshot began is in the store's copy, because rows come before positions; everything else
is in the files, from those positions on. So whoever reads the copy from its positions on has every record at least once.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from pipeline.log.files import sync_directory

POSITIONS: Final = "positions"


class LogSnapshot:
    """`begin`, then copy the store, then `write_to`. For a log that is open in any process, or in none. Raises OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._positions: dict[str, bytes] = {}
        self._links: Path | None = None

    def begin(self) -> Self:
        """Remember the positions, and hold on to the files: a link keeps what the log lets go of meanwhile."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._links = Path(tempfile.mkdtemp(prefix=".snapshot-", dir=self._directory))
        self._positions = {_relative(path, self._directory): path.read_bytes() for path in self._directory.glob(f"*/{POSITIONS}/*.json")}
        self._hold()
        return self

    def write_to(self, target: Path) -> int:
        """The files as they are now, flushed to the disk; returns their bytes. A record half written at the end is dropped by recovery."""
        assert self._links is not None, "begin first"
        self._hold()
        for name, content in self._positions.items():
            _write(target / name, content)
        for link in sorted(self._links.rglob("*.log")):
            _copy(link, target / _relative(link, self._links))
        target.mkdir(exist_ok=True)
        return sum(path.stat().st_size for path in _files(target))

    def end(self) -> None:
        """Let go of the files; safe to repeat."""
        if self._links is not None:
            shutil.rmtree(self._links, ignore_errors=True)
            self._links = None

    def _hold(self) -> None:
        assert self._links is not None
        for path in self._directory.glob("[!.]*/*/*.log"):
            link = self._links / _relative(path, self._directory)
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, link)
            except (FileExistsError, FileNotFoundError):  # held already; or let go of, because the store has it on its disk
                continue


def forget_left_over(directory: Path) -> None:
    """Links of snapshots that a death interrupted. Only while no snapshot is taken."""
    for links in directory.glob(".snapshot-*"):
        shutil.rmtree(links, ignore_errors=True)


def _relative(path: Path, directory: Path) -> str:
    return path.relative_to(directory).as_posix()


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        os.fsync(file.fileno())
    sync_directory(path.parent)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
    sync_directory(target.parent)
