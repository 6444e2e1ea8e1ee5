"""What the log asks of the file system beyond reading and writing."""

import contextlib
import ctypes
import errno
import fcntl
import json
import logging
import os
from pathlib import Path

from pipeline.log.errors import LogLockedError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
IOV_MAX = 1024
JOIN_BELOW = 256 * 1024

logger = logging.getLogger(__name__)


def write_all(descriptor: int, buffers: list[bytes], size: int, position: int) -> None:
    """Write `buffers` (`size` bytes together) at `position`. Raises OSError; then some of them may have been written."""
    if size < JOIN_BELOW:
        buffers = [b"".join(buffers)]
    for first in range(0, len(buffers), IOV_MAX):
        chunk = buffers[first : first + IOV_MAX]
        chunk_size = sum(map(len, chunk))
        written = os.pwritev(descriptor, chunk, position)
        if written < chunk_size:
            _write_rest(descriptor, memoryview(b"".join(chunk)), written, position)
        position += chunk_size


def _write_rest(descriptor: int, data: memoryview, written: int, position: int) -> None:
    """Where the disk took only a part, asking again tells why."""
    while written < len(data):
        count = os.pwrite(descriptor, data[written:], position + written)
        if count == 0:
            raise OSError(errno.EIO, "the file takes no more bytes")
        written += count


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, *, sync: bool) -> None:
    """Write `path` so that whoever reads it sees the old or the new content, never half. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, [content], len(content), 0)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    if sync:
        sync_directory(path.parent)


def read_offsets(path: Path) -> dict[int, int] | None:
    """Partition → offset as `write_offsets` left them; None where there are none, or none that can be read."""
    try:
        return {int(partition): int(offset) for partition, offset in json.loads(path.read_bytes()).items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("positions in %s cannot be read, reading starts earlier: %s", path, error)
        return None


def write_offsets(path: Path, offsets: dict[int, int], *, sync: bool) -> None:
    replace_file(path, json.dumps(offsets).encode(), sync=sync)


def lock_directory(directory: Path) -> int:
    """A descriptor that holds the directory for this process as long as it is open. Raises LogLockedError."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).strip()
        os.close(descriptor)
        raise LogLockedError(directory, int(pid) if pid.isdigit() else 0) from None
    with contextlib.suppress(OSError):  # a full disk takes no pid; the lock holds all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def machine_boot(path: Path = BOOT_ID) -> str:
    """Names this run of the machine; empty where the system does not tell."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def sync_filesystem(path: Path) -> None:
    """Block until all that was written to the file system of `path` is on its disk. Raises OSError.

    What the store inserted before this call survives a power cut after it.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)
