"""The OpenTelemetry Collector that `make collector` builds, as a process with our configurations."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from tests.brokers import ROOT, free_port

PROGRAM: Final = ROOT / ".make/collector/sources/otelcol"
CONFIGS: Final = ROOT / "collectors/otelcol"
START_SECONDS: Final = 60.0
NOT_BUILT: Final = "NO TEST OF THE OPENTELEMETRY COLLECTOR WAS RUN: it is not built; `make test-collector` builds it (needs Go)"


def is_built() -> bool:
    return PROGRAM.exists()


def config_arguments(configs: Sequence[Path]) -> list[str]:
    return [word for config in configs for word in ("--config", str(config))]


def validate(configs: Sequence[Path]) -> "subprocess.CompletedProcess[str]":
    """What the Collector itself says of them; nothing but the defaults in its environment."""
    command = [str(PROGRAM), "validate", *config_arguments(configs)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"]})


@dataclass
class Collector:
    """One on loopback with ports and a storage directory of its own, which it keeps over restarts. `settings` are environment variables."""

    directory: Path
    configs: Sequence[Path]
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=lambda: {name: free_port() for name in ("grpc", "http", "health", "metrics")})
    process: "subprocess.Popen[bytes] | None" = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    @property
    def url(self) -> str:
        """Of its OTLP door, where the configuration has one."""
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def output(self) -> Path:
        return self.directory / "output"

    def environment(self) -> dict[str, str]:
        return {
            "OTELCOL_STORAGE": str(self.directory / "storage"),
            "OTELCOL_OTLP_GRPC": f"127.0.0.1:{self.ports['grpc']}",
            "OTELCOL_OTLP_HTTP": f"127.0.0.1:{self.ports['http']}",
            "OTELCOL_HEALTH": f"127.0.0.1:{self.ports['health']}",
            "OTELCOL_METRICS_PORT": str(self.ports["metrics"]),
            **self.settings,
        }

    def start(self) -> "Collector":
        """Until it says that it is well. Raises TimeoutError with what it printed."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            command = [str(PROGRAM), *config_arguments(self.configs)]
            self.process = subprocess.Popen(command, env=os.environ | self.environment(), stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_well():
                return self
            time.sleep(0.1)
        raise TimeoutError(f"the Collector did not start:\n{self.output.read_text(errors='replace')[-3000:]}")

    def _is_well(self) -> bool:
        try:
            return self.client.get(f"http://127.0.0.1:{self.ports['health']}/").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        """One OTLP request in protobuf."""
        said = {"content-type": "application/x-protobuf"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(self.url + path, content=body, headers=said)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Nothing to do is no error."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def close(self) -> None:
        """Whatever happened, nothing stays behind."""
        self.end()
        self.client.close()


@contextmanager
def collector_in(directory: Path, *configs: str, **settings: str) -> Iterator[Collector]:
    """A started one with these of our configurations; ended afterwards."""
    collector = Collector(directory, [CONFIGS / f"{name}.yaml" for name in configs], settings)
    try:
        yield collector.start()
    finally:
        collector.close()
