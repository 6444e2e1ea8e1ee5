"""What can go wrong in a measurement.

BenchError
├── NotStartedError    a process did not come up
├── NotCompleteError   not everything that was acknowledged became visible in time
├── SenderError        the load generator failed
├── PeerMissingError   a peer cannot be had on this machine
└── PanelError         a query of a dashboard failed
"""

from dataclasses import dataclass


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
class PanelError(BenchError):
    panel: str
    reason: str

    def __str__(self) -> str:
        return f"{self.panel}: {self.reason.strip()[-600:]}"
