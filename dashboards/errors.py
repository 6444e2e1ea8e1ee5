"""What can go wrong between us and a Grafana server.

MissionControlError
└── GrafanaError    it cannot be reached, or it said no
"""

from dataclasses import dataclass

from schemas.errors import MissionControlError


@dataclass
class GrafanaError(MissionControlError):
    """`status` is the HTTP status, 0 where there was no answer; `said` what the server or the connection said."""

    url: str
    status: int
    said: str

    def __str__(self) -> str:
        return (
            f"Grafana at {self.url} said {self.status}: {self.said}"
            if self.status
            else f"Grafana at {self.url} cannot be reached: {self.said}"
        )
