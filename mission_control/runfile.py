"""`run.json`: how clients on this machine find the running system of a data directory."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import psutil

NAME: Final = "run.json"
CLOCK_SLACK: Final = 60.0
"""Seconds by which clocks may have been put right since."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What runs: URLs have scheme and port; those that a role does not have are empty."""

    pid: int
    console: str = ""
    otlp_http: str = ""
    otlp_grpc: str = ""
    sql: str = ""
    login_url: str = ""
    token: str = ""
    certificate: str = ""
    """Path of the one that the ports show; empty without TLS."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """The file of one data directory; only the process that listens writes it, once every port answers."""

    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / NAME

    def write(self, info: RunInfo) -> None:
        """All or nothing, readable by its owner alone from the first byte on, because it holds the token."""
        handle, temporary = tempfile.mkstemp(prefix=f".{NAME}.", dir=self.directory)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(info), file, indent=1)
            os.replace(temporary, self.path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise

    def remove(self) -> None:
        """Safe to repeat."""
        self.path.unlink(missing_ok=True)

    def read(self) -> RunInfo | None:
        """What the file says, whether or not that process is alive; None when there is none or it is no run.json."""
        try:
            given = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return _info(given) if isinstance(given, dict) else None


def _info(given: Mapping[str, Any]) -> RunInfo | None:
    """Keys of a newer version are left aside."""
    pid = given.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return None
    names = [field.name for field in fields(RunInfo) if field.name != "pid"]
    return RunInfo(pid, **{name: given[name] for name in names if isinstance(given.get(name), str)})


def read_run_file(directory: Path) -> RunInfo | None:
    """The system that runs on this data directory. None when there is no file, or its process has gone without removing it."""
    file = RunFile(directory)
    info = file.read()
    return info if info is not None and is_alive(info.pid, file.path.stat().st_mtime) else None


def is_alive(pid: int, since: float) -> bool:
    """Whether a process has this id since before `since` (s): a younger one got the number of one that has gone."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() < since + CLOCK_SLACK)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
