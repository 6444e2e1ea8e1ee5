"""A broker for measurements, with our topics in it."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.errors import PeerMissingError
from tests import brokers

PARTITIONS: Final = "4"


@dataclass(frozen=True)
class Topics:
    """Topics of one name before their own, on one broker."""

    bootstrap: str
    prefix: str

    def settings(self) -> dict[str, str]:
        """Of roles that use them, as `bench.system.running` takes them."""
        return {
            "kafka_bootstrap_servers": self.bootstrap,
            "kafka_topic_prefix": self.prefix,
            "kafka_partitions": PARTITIONS,
        }

    def create(self, **settings: str) -> None:
        """`mission-control migrate`. Raises CalledProcessError."""
        said = {f"MISSION_CONTROL_{name.upper()}": value for name, value in {**self.settings(), **settings}.items()}
        command = [sys.executable, "-m", "mission_control.main", "migrate", "--single-node"]
        subprocess.run(command, env=os.environ | said, check=True, capture_output=True)


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """The address of one that ends with the measurement. Raises PeerMissingError."""
    if why := brokers.missing():
        raise PeerMissingError("Kafka", why)
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as directory, brokers.running(Path(directory)) as cluster:
        yield cluster.bootstrap
