"""Errors that cross rooms.

MissionControlError
├── NotNowError                 back-pressure: the same request may succeed later
│   ├── LogUnavailableError     the log cannot take the record (disk full, backlog too long, broker away)
│   └── StoreUnavailableError   the store cannot be reached or is over its limits
├── NeverError                  the same bytes will fail again
│   └── MalformedRequestError   not the OTLP it claims to be
└── SettingsError               the operator must change a setting
"""

from dataclasses import dataclass


class MissionControlError(Exception):
    """Root of all errors raised on purpose."""


class NotNowError(MissionControlError):
    """Retrying the same thing later may succeed."""


class NeverError(MissionControlError):
    """Retrying the same thing will fail again."""


@dataclass
class LogUnavailableError(NotNowError):
    """`retry_after` is in seconds."""

    reason: str
    retry_after: float = 1.0

    def __str__(self) -> str:
        return f"the log takes no records: {self.reason}; retry in {self.retry_after:g} s"


@dataclass
class StoreUnavailableError(NotNowError):
    reason: str

    def __str__(self) -> str:
        return f"the store is not available: {self.reason}"


@dataclass
class MalformedRequestError(NeverError):
    """`what` names the part that is wrong, `hint` what the sender can do about it."""

    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.hint}" if self.hint else self.what


@dataclass
class SettingsError(MissionControlError):
    setting: str
    problem: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}"
