"""The ClickHouse server of tests as a process: start, stop, kill, and have it fail."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from schemas.settings import Settings, load_settings
from schemas.store import ClickHouseStore, create_database, open_store

ENDPOINT: Final = Path(__file__).with_name("endpoint.py")
READ_ONLY: Final = 242
FULL: Final = 243
TOO_MANY_PARTS: Final = 252


@dataclass
class ClickHouse:
    """One data directory on one port, which it keeps over restarts."""

    directory: Path
    password: str = ""
    certificate: Path | None = None
    port: int = 0
    process: "subprocess.Popen[str] | None" = None

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def url(self) -> str:
        """As `clickhouse_url` wants it, without a password."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> "ClickHouse":
        command = [sys.executable, str(ENDPOINT), str(self.directory), "--port", str(self.port)]
        if self.certificate:
            command += ["--certificate", str(self.certificate)]
        environment = {**os.environ, "CLICKHOUSE_PASSWORD": self.password}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, process_group=0)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def stop(self) -> None:
        """Nothing to do is no error."""
        if self.process is not None and self.process.poll() is None:
            self.process.communicate(timeout=120)

    def kill(self) -> None:
        """As a crash would: `start` again finds what was stored."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate(timeout=120)

    def fail(self, kind: str = "code", match: str = "", **fault: Any) -> None:
        """From now on; see `Fault` of the endpoint."""
        self._tell({"kind": kind, "match": match, **fault})

    def recover(self) -> None:
        self._tell({})

    def failures(self) -> int:
        """How many statements the fault has met."""
        return int(httpx.get(f"{self.url}/faults", verify=False).text)

    def _tell(self, fault: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/faults", json=fault, verify=False).raise_for_status()

    def settings(self, **more: Any) -> Settings:
        """Those of a role whose store this is."""
        return load_settings(**{"clickhouse_url": self.url, "clickhouse_password": self.password, **more})

    @contextmanager
    def store(self, **more: Any) -> Iterator[ClickHouseStore]:
        """As the product opens it, with its database."""
        create_database(self.settings(**more))
        store = open_store(self.settings(**more))
        try:
            yield store
        finally:
            store.close()


@contextmanager
def clickhouse_in(directory: Path, **more: Any) -> Iterator[ClickHouse]:
    server = ClickHouse(directory, **more).start()
    try:
        yield server
    finally:
        server.stop()
