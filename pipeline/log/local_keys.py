"""Keys of senders in a file beside the log, for a system of one process."""

import logging
import os
import threading
from pathlib import Path
from typing import Final

from schemas.errors import LogUnavailableError
from schemas.sender_keys import SenderKey, decode

FILE: Final = "sender_keys.jsonl"
logger = logging.getLogger(__name__)


class LocalKeys:
    """A KeyList: one line a key, the last line of an id counts. One process has it open, which the log's lock sees to."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._read = 0
        self._put = threading.Event()
        self._writing = threading.Lock()

    def put(self, key: SenderKey) -> None:
        with self._writing:
            try:
                self._append(b"\n" + key.encode() + b"\n")  # a line that a crash cut short ends here
            except OSError as error:
                raise LogUnavailableError(f"{self._file} cannot be written: {error.strerror}") from error
        self._put.set()

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "ab", buffering=0) as file:
            file.write(line)
            os.fsync(descriptor)

    def poll(self, timeout: float) -> list[SenderKey]:
        if self.is_current():
            self._put.wait(timeout)
        self._put.clear()
        text = self._unread()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [key for line in whole.splitlines() if line and (key := decode(line)) is not None]

    def _unread(self) -> bytes:
        """Nothing while the file cannot be read: what is known stays."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._read)
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            logger.warning("the keys of senders cannot be read now", extra={"file": str(self._file), "error": str(error)})
            return b""

    def is_current(self) -> bool:
        try:
            return self._file.stat().st_size <= self._read
        except FileNotFoundError:
            return True

    def close(self) -> None:
        self._put.set()
