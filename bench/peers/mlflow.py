"""MLflow's tracking server with its OTLP endpoint, on its own SQLite."""

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


class Mlflow:
    share = 0.1

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        bin_directory = environment("mlflow", "mlflow")
        with tempfile.TemporaryDirectory(prefix="bench-mlflow-") as directory:
            port, database = free_port(), Path(directory) / "mlflow.db"
            options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", f"sqlite:///{database}"]
            command = [os.fspath(bin_directory / "mlflow"), "server", *options, "--artifacts-destination", directory]
            process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for("mlflow", f"http://127.0.0.1:{port}/health", process)
                name, url = f"MLflow {version(bin_directory, 'mlflow')}", f"http://127.0.0.1:{port}/v1/traces"
                yield Running(name, url, [process], lambda: rows(database, "spans"), {"x-mlflow-experiment-id": "0"})
            finally:
                processes.end(process)
