"""Errors of backups.

MissionControlError
└── BackupError     a place that cannot be used as it was asked, or a backup that is not whole
"""

from dataclasses import dataclass
from pathlib import Path

from schemas.errors import MissionControlError


@dataclass
class BackupError(MissionControlError):
    """`place` cannot be used as it was asked."""

    place: Path
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"
