"""The system under test: `mission-control up`, or one of its roles, as a process of its own, asked only by what it serves."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench import processes
from bench.errors import NotCompleteError, NotStartedError
from mission_control.runfile import RunInfo, read_run_file

START_SECONDS: Final = 60.0
ANY_PORT: Final = dict.fromkeys(("port", "otlp_grpc_port", "otlp_http_port", "sql_port"), "0")
Samples = Mapping[tuple[str, str], float]
"""(name without prefix, value of its first label or "") -> value."""


@dataclass(frozen=True)
class System:
    """One running system. `started_in` is seconds from the command to every port answering."""

    info: RunInfo
    directory: Path
    started_in: float
    client: httpx.Client

    @property
    def traces_url(self) -> str:
        return self.info.otlp_http + "/v1/traces"

    @property
    def logs_url(self) -> str:
        return self.info.otlp_http + "/v1/logs"

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds([self.info.pid])

    def memory_bytes(self) -> int:
        return processes.memory_bytes([self.info.pid])

    def get(self, path: str) -> httpx.Response:
        """Of the API, with the token."""
        return self.client.get(self.info.console + path, headers=self.authorization)

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.info.token}"}

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows by the SQL endpoint. Raises httpx.HTTPStatusError for what it refuses."""
        reply = self.client.post(self.info.sql, content=f"{query} FORMAT JSON")
        reply.raise_for_status()
        rows: list[dict[str, Any]] = reply.json()["data"]
        return rows

    def number(self, query: str) -> int:
        """The one number that a query answers."""
        return int(next(iter(self.sql(query)[0].values())) or 0)

    def samples(self) -> Samples:
        """Its own metrics now."""
        text = self.client.get(self.info.console + "/metrics").text
        return {
            (sample.name.removeprefix("mission_control_"), next(iter(sample.labels.values()), "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def counts(self) -> tuple[int, int]:
        """(spans, steps in summaries) that are visible."""
        spans = self.number("SELECT count() FROM otel_traces")
        return spans, self.number("SELECT sum(step_count) FROM threads")

    def wait_for(self, spans: int, steps: int, timeout: float) -> None:
        """Until so many are visible. Raises NotCompleteError after `timeout` seconds without, or when there are more."""
        deadline = time.monotonic() + timeout
        while (found := self.number("SELECT sum(step_count) FROM threads")) != steps:
            if time.monotonic() > deadline or found > steps:
                raise NotCompleteError("steps", steps, found)
            time.sleep(0.25)
        if (found := self.number("SELECT count() FROM otel_traces")) != spans:
            raise NotCompleteError("spans", spans, found)


@contextlib.contextmanager
def running(directory: Path, *, role: str = "up", **settings: str) -> Iterator[System]:
    """A system on this data directory and on free ports; `settings` as environment variables without their prefix.

    Its log goes to `NAME.log` beside the data directory. Raises NotStartedError.
    """
    said = {**ANY_PORT, **settings}
    environment = {**os.environ, **{f"MISSION_CONTROL_{name.upper()}": value for name, value in said.items()}}
    command = [sys.executable, "-m", "mission_control.main", role, "--data", os.fspath(directory)]
    log = directory.with_name(directory.name + ".log")
    began = time.monotonic()
    with log.open("ab") as errors, httpx.Client(timeout=60) as client:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        try:
            info = _wait(role, process, directory, log)
            yield System(info, directory, time.monotonic() - began, client)
        finally:
            processes.end(process)


def _wait(role: str, process: "subprocess.Popen[bytes]", directory: Path, log: Path) -> RunInfo:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        info = read_run_file(directory)
        if info is not None and info.pid == process.pid:
            return info
        time.sleep(0.02)
    raise NotStartedError(f"mission-control {role}", log.read_text(errors="replace")[-2000:])
