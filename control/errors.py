"""Errors of the control room; each becomes one RFC 9457 problem.

MissionControlError
└── ControlError
    ├── BadParameterError     400: a parameter has a value that cannot be used
    ├── UnauthorizedError     401: no token, or a wrong one
    ├── NotThereError         404: nothing has this id
    └── BusyError             503: too many queries wait, or one took too long
        └── StoreAwayError    503: nothing can be read now
"""

from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import MissionControlError


class ControlError(MissionControlError):
    """`status` is the HTTP status, `title` the problem's title; the text is its detail."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"


@dataclass
class BadParameterError(ControlError):
    """`what_to_do` tells the caller which values are taken."""

    parameter: str
    problem: str
    what_to_do: str
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad parameter"

    def __str__(self) -> str:
        return f"{self.parameter}: {self.problem}; {self.what_to_do}"


@dataclass
class UnauthorizedError(ControlError):
    problem: str
    status: ClassVar[int] = 401
    title: ClassVar[str] = "Unauthorized"

    def __str__(self) -> str:
        return (
            f"{self.problem}; send the token of run.json as 'Authorization: Bearer TOKEN' or 'x-api-key: TOKEN',"
            " or open a login URL (`mission-control login` prints one)"
        )


@dataclass
class NotThereError(ControlError):
    """`kind` is the noun of what was asked for."""

    kind: str
    id: str
    project: str
    status: ClassVar[int] = 404
    title: ClassVar[str] = "Not found"

    def __str__(self) -> str:
        if self.project == "*":
            return f"no project has a {self.kind} {self.id!r}"
        return f"project {self.project!r} has no {self.kind} {self.id!r}; project=NAME looks in another one, project=* in all"


@dataclass
class BusyError(ControlError):
    """`retry_after` is in seconds."""

    problem: str
    retry_after: int = 1
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Not now"

    def __str__(self) -> str:
        return f"{self.problem}; ask again in {self.retry_after} s, or for less"


@dataclass
class StoreAwayError(BusyError):
    """Not this query's fault: none would be answered."""

    title: ClassVar[str] = "The store is away"
