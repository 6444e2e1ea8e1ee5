"""A system of many processes: collectors, processors and a server around a real broker and a ClickHouse server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.brokers import Cluster, free_port
from tests.clickhouse.clickhouse_server import ClickHouse, clickhouse_in
from tests.system.running import ROOT, System, eventually

PATIENCE: Final = 300.0
LAG: Final = "mission_control_pipeline_lag_records"


@dataclass
class Roles:
    kafka: Cluster
    clickhouse: ClickHouse
    settings: dict[str, str]
    collectors: list[System]
    processors: list[System]
    servers: list[System]

    @property
    def server(self) -> System:
        return self.servers[0]

    def everyone(self) -> list[System]:
        return [*self.collectors, *self.processors, *self.servers]

    def migrate(self) -> None:
        names = {f"MISSION_CONTROL_{name}": value for name, value in self.settings.items()}
        command = [sys.executable, "-m", "mission_control.main", "migrate", "--single-node"]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | names, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> "Roles":
        self.migrate()
        for system in self.everyone():
            system.spawn()
        for system in self.everyone():
            assert system.await_ports(), f"{system.name} did not start:\n{system.complaints()}"
        return self

    def restart(self, system: System) -> None:
        system.kill()
        system.start()

    def caught_up(self) -> bool:
        """Whether the living processors have stored all that lies in the log."""
        return self.lag() == 0

    def lag(self) -> float:
        return sum(value for one in self.processors if one.is_alive() for name, value in one.metrics().items() if name.startswith(LAG))

    def await_quiet(self) -> None:
        assert eventually(self.caught_up, patience=PATIENCE), [(one.name, one.complaints()[-1500:]) for one in self.processors]


@contextmanager
def roles_in(
    directory: Path, kafka: Cluster, *, collectors: int = 1, processors: int = 1, servers: int = 1, **more: str
) -> Iterator[Roles]:
    """Not started yet; ended afterwards. Ports of collectors and servers stay the same over restarts."""
    with ExitStack() as stack:
        clickhouse = stack.enter_context(clickhouse_in(directory / "clickhouse"))
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "KAFKA_TOPIC_PREFIX": f"{uuid4().hex[:8]}.",
            "KAFKA_PARTITIONS": "4",
            "CLICKHOUSE_URL": clickhouse.url,
            **more,
        }

        def systems(role: str, count: int) -> list[System]:
            return [_system(directory, f"{role}-{number}", role, settings) for number in range(count)]

        roles = Roles(
            kafka, clickhouse, settings, systems("collect", collectors), systems("process", processors), systems("serve", servers)
        )
        for system in roles.everyone():
            stack.callback(system.close)
        yield roles


def _system(directory: Path, name: str, role: str, settings: dict[str, str]) -> System:
    own = {"OTLP_HTTP_PORT": str(free_port()), "PORT": str(free_port())}
    return System(directory / name, settings | own, ("-m", "mission_control.main", role), name=name)
