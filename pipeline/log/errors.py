"""Errors of the log itself; what senders meet is `schemas.errors.LogUnavailableError`.

MissionControlError
├── LogLockedError      another process has the log open
├── TooFewBrokersError  a topic cannot be made safe
└── UnsafeTopicError    a topic would lose records with one broker
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


@dataclass
class UnsafeTopicError(MissionControlError):
    topic: str
    replicas: int
    in_sync: int
    """`min.insync.replicas` of the topic."""

    def __str__(self) -> str:
        return (
            f"topic {self.topic} has {self.replicas} replicas and min.insync.replicas {self.in_sync}: acknowledged records would not survive"
            " the loss of a broker; take 3 and 2, or say --single-node where that is accepted"
        )


@dataclass
class TooFewBrokersError(MissionControlError):
    topic: str
    replicas: int

    def __str__(self) -> str:
        return (
            f"topic {self.topic} needs {self.replicas} replicas and the cluster has fewer brokers; start more, or say --single-node where"
            " one broker's death may take records along"
        )
