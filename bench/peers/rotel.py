"""Rotel, an OpenTelemetry agent in Rust, writing the exporter's raw table into the engine that we embed."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench import processes
from bench.errors import NotStartedError
from bench.peers.environment import environment, version
from bench.peers.ports import free_port, wait_for
from bench.peers.run import Running


class Rotel:
    """Counted: the agent, and the process with the engine behind ClickHouse's HTTP protocol."""

    share = 1.0

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        bin_directory = environment("rotel", "rotel")
        agent = next(bin_directory.parent.glob("lib/python*/site-packages/rotel/rotel-agent"))
        with tempfile.TemporaryDirectory(prefix="bench-rotel-") as directory, contextlib.ExitStack() as stack:
            shim = self._start(stack, [sys.executable, "-m", "bench.peers.shim", directory, "0"])
            assert shim.stdout is not None
            port = shim.stdout.readline().decode().strip()
            if not port:
                raise NotStartedError("the shim of the engine", f"it ended with {shim.wait()}")
            store, http = f"http://127.0.0.1:{port}", free_port()
            rotel = self._start(stack, [str(agent), "start", *self._options(Path(directory), store, http)])
            wait_for("rotel", f"http://127.0.0.1:{http}/", rotel)
            client = stack.enter_context(httpx.Client(timeout=60))
            name = f"Rotel {version(bin_directory, 'rotel')}, raw table only"
            url = f"http://127.0.0.1:{http}/v1/traces"
            yield Running(name, url, [rotel, shim], lambda: int(client.get(store + "/count").text))

    def _start(self, stack: contextlib.ExitStack, command: list[str]) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        stack.callback(processes.end, process)
        return process

    def _options(self, directory: Path, store: str, http: int) -> list[str]:
        options = {
            "otlp-http-endpoint": f"127.0.0.1:{http}",
            "otlp-grpc-endpoint": f"127.0.0.1:{free_port()}",
            "exporter": "clickhouse",
            "clickhouse-exporter-endpoint": store,
            "clickhouse-exporter-compression": "none",
            "clickhouse-exporter-async-insert": "false",
            "pid-file": str(directory / "rotel.pid"),
            "log-file": str(directory / "rotel.log"),
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]
