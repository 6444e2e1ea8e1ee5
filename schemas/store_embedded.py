"""The directory of the embedded engine: one process at a time, and nothing left of inserts that were killed."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from schemas.errors import MissionControlError


class StoreLockedError(MissionControlError):
    """Another process has the embedded store open."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"another process uses the store in {path}; stop it or choose another data directory")
        self.path = path


def lock(directory: Path) -> Callable[[], None]:
    """Held until what is returned is called, or the process ends: the engine's own refusal does not say that this is the reason.

    Raises StoreLockedError.
    """
    file = open(directory / "lock", "w")  # noqa: SIM115  stays open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreLockedError(directory) from error
    return file.close


def use_scratch(directory: Path) -> None:
    """The client writes a file for each insert first, and leaves it there on kill -9: let that be beside the data, and clean it."""
    directory.mkdir(exist_ok=True)
    for left_over in directory.iterdir():
        left_over.unlink()
    tempfile.tempdir = os.fspath(directory)
