"""What can go wrong in a measurement.

BenchError
├── NotStartedError    a process did not come up
├── NotCompleteError   not everything that was acknowledged became visible in time
├── SenderError        the load generator failed
├── PeerMissingError   a peer cannot be had on this machine
└── PanelsError        queries of dashboards failed; the others were measured
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.tables import Result


class BenchError(Exception):
    """One measurement is not to be had; the others go on."""


@dataclass
class NotStartedError(BenchError):
    name: str
    output: str

    def __str__(self) -> str:
        return f"{self.name} did not start: {self.output.strip()[-600:]}"


@dataclass
class NotCompleteError(BenchError):
    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.expected} {self.what} were to become visible, {self.found} are"


@dataclass
class SenderError(BenchError):
    output: str

    def __str__(self) -> str:
        return f"the load generator failed: {self.output.strip()[-600:]}"


@dataclass
class PeerMissingError(BenchError):
    peer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.peer} cannot be had here: {self.reason.strip()[-600:]}"


@dataclass
class PanelsError(BenchError):
    """`failed` names each by dashboard, panel, reference and range, with what it said; `result` is of the others."""

    failed: Sequence[str]
    result: Result

    def __str__(self) -> str:
        return "\n".join([f"{len(self.failed)} queries of panels failed", *(one.strip()[:600] for one in self.failed)])
