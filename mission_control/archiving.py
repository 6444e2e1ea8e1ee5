"""The archive in a running system: rounds every hour, and restoring on demand."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from control.commands import BadArgumentsError, Commands
from mission_control.operator import audited
from operations.archive import Archive
from operations.archive_files import ArchiveFiles, Wanted
from operations.tiers import move_after
from schemas.settings import Settings
from schemas.store import Store

ROUND_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = 60.0
END_SECONDS: Final = 2.0
KEEP_DAYS: Final = 30
logger = logging.getLogger(__name__)


class Archiving:
    """`archive_days` 0 archives nothing, and lets the store delete by age."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._archive = Archive(
            store, ArchiveFiles(settings.archive), settings.archive_days, forgets=bool(settings.clickhouse_url.get_secret_value())
        )
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)

    def start(self) -> None:
        """Before anything is deleted. A rule that changes rewrites what is stored and deletes what is too old: so that comes after a round."""
        if self._settings.archive_days:
            self._archive.hold()
            self._thread.start()
        else:
            move_after(self._store, self._settings.retention_days_hot)

    def stop(self) -> None:
        """A round that runs ends with the store; its half-written file is written anew at the next one."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(ROUND_SECONDS if self._round() else RETRY_SECONDS)

    def _round(self) -> bool:
        try:
            with self._lock:
                done = self._archive.round()
                move_after(self._store, self._settings.retention_days_hot)
        except Exception as error:  # noqa: BLE001  nothing is deleted until the next round succeeds
            logger.warning("archiving failed, the store deletes nothing meanwhile", extra={"error": str(error)[:500]})
            return False
        if done.files or done.removed:
            logger.info("archived", extra=asdict(done))
        return True

    def restore(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """`project`, `tables`, `from`, `to` (days), `keep_days`; all optional. Raises BadArgumentsError."""
        with self._lock:
            return asdict(self._archive.restore(wanted(arguments), int(arguments.get("keep_days") or KEEP_DAYS)))

    def commands(self) -> Commands:
        return {"archive.restore": audited(self._store, "archive.restore", self.restore)}


def wanted(arguments: Mapping[str, Any]) -> Wanted:
    """Raises BadArgumentsError."""
    try:
        since, until = (date.fromisoformat(str(arguments[name])) if arguments.get(name) else None for name in ("from", "to"))
    except ValueError as error:
        raise BadArgumentsError(f"{error}; take days like 2030-01-31") from error
    return Wanted(str(arguments.get("project") or ""), tuple(map(str, arguments.get("tables") or ())), since or date.min, until or date.max)
