"""Errors of the log itself; what senders meet is `schemas.errors.LogUnavailableError`.

MissionControlError
└── LogLockedError      another process has the log open
"""

from dataclasses import dataclass
from pathlib import Path

from schemas.errors import MissionControlError


@dataclass
class LogLockedError(MissionControlError):
    """`pid` is 0 where the holder did not say who it is."""

    directory: Path
    pid: int

    def __str__(self) -> str:
        holder = f"process {self.pid}" if self.pid else "another process"
        return f"{self.directory} is in use by {holder}"
