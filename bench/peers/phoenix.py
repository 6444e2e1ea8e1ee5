"""Arize Phoenix, a server for traces of LLM applications, on its own SQLite."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.peers.environment import environment, version
from bench.peers.ports import free_port, wait_for
from bench.peers.run import Running
from bench.peers.sqlite_rows import rows


class Phoenix:
    share = 0.05

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        bin_directory = environment("phoenix", "arize-phoenix")
        with tempfile.TemporaryDirectory(prefix="bench-phoenix-") as directory:
            port = free_port()
            settings = {
                "PHOENIX_HOST": "127.0.0.1",
                "PHOENIX_PORT": str(port),
                "PHOENIX_GRPC_PORT": str(free_port()),
                "PHOENIX_WORKING_DIR": directory,
                "PHOENIX_TELEMETRY_ENABLED": "false",
            }
            command = [os.fspath(bin_directory / "phoenix"), "serve"]
            process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for("phoenix", f"http://127.0.0.1:{port}/healthz", process)
                name = f"Phoenix {version(bin_directory, 'arize-phoenix')}"
                database = Path(directory) / "phoenix.db"
                yield Running(name, f"http://127.0.0.1:{port}/v1/traces", [process], lambda: rows(database, "spans"))
            finally:
                processes.end(process)
