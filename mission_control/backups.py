"""Backups that a running system takes of itself, one at a time, below its own directory for them."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from control.commands import BadArgumentsError, Commands
from mission_control.operator import audited
from operations.backup import forget_partial, take
from pipeline.log.files import sync_filesystem
from pipeline.log.snapshot import LogSnapshot, forget_left_over
from schemas.settings import Settings
from schemas.store import Store

END_SECONDS: Final = 2.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """`path` is on the machine of the running system; `bytes` and `seconds` are known once it is complete."""

    state: Literal["none", "running", "complete", "failed"] = "none"
    path: str = ""
    bytes: int = 0
    seconds: float = 0.0
    error: str = ""


class Backups:
    """Safe to call from any thread. Whatever is left of one that was interrupted goes when this begins."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._directory, self._log, self._archive = store, settings.backups, settings.data_dir / "log", settings.archive
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.progress = BackupProgress()
        forget_partial(self._directory)
        forget_left_over(self._log)

    def start(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin one; raises BadArgumentsError while another is taken. `archive` false leaves the Parquet files out."""
        archive = self._archive if arguments.get("archive", True) else None
        with self._lock:
            if self.progress.state == "running":
                raise BadArgumentsError("a backup is being taken already")
            path = self._directory / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            self.progress = BackupProgress("running", str(path))
        self._thread = threading.Thread(target=self._take, args=(path, archive), name="backup", daemon=True)
        self._thread.start()
        return self.status({})

    def status(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return asdict(self.progress)

    def stop(self) -> None:
        """Wait a moment for the one that is taken; the store's end stops it, and it leaves nothing."""
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def _take(self, path: Path, archive: Path | None) -> None:
        try:
            manifest = take(self._store, LogSnapshot(self._log), path, version("mission-control"), sync_filesystem, archive)
        except Exception as error:  # whatever it was, who waits for it must be told, and the next one may work
            logger.exception("a backup failed")
            self.progress = replace(self.progress, state="failed", error=str(error)[:500])
        else:
            self.progress = replace(self.progress, state="complete", bytes=manifest.bytes, seconds=manifest.seconds)

    def commands(self) -> Commands:
        """`backup` begins one, `backup.status` tells how far it is."""
        return {"backup": audited(self._store, "backup", self.start), "backup.status": self.status}
