"""Errors that end a command: one line on stderr, and the exit status.

MissionControlError
└── CommandError               `exit_code` 1
    ├── NothingRunningError    3: no running system was found
    ├── UnreachableError       3: nothing answers at the address
    ├── RefusedError           the running system said no
    └── SqlFailedError         ClickHouse said no
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from schemas.errors import MissionControlError

FAILED: Final = 1
USAGE: Final = 2
NOTHING_RUNNING: Final = 3


@dataclass
class CommandError(MissionControlError):
    message: str
    exit_code: ClassVar[int] = FAILED

    def __str__(self) -> str:
        return self.message


@dataclass
class NothingRunningError(MissionControlError):
    directory: Path
    exit_code: ClassVar[int] = NOTHING_RUNNING

    def __str__(self) -> str:
        return f"no running Mission Control found in {self.directory}; start one with `mission-control up`"


@dataclass
class UnreachableError(MissionControlError):
    url: str
    reason: str
    exit_code: ClassVar[int] = NOTHING_RUNNING

    def __str__(self) -> str:
        return f"nothing answers at {self.url}: {self.reason}; is `mission-control up` running?"


@dataclass
class RefusedError(MissionControlError):
    """`detail` is what the problem+json body says."""

    status: int
    detail: str
    exit_code: ClassVar[int] = FAILED

    def __str__(self) -> str:
        return f"{self.detail} ({self.status})"


@dataclass
class SqlFailedError(MissionControlError):
    """`message` is ClickHouse's own."""

    message: str
    exit_code: ClassVar[int] = FAILED

    def __str__(self) -> str:
        return self.message
