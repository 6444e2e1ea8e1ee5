"""The whole system as a process of its own, as people start it, and what they can ask of it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import psutil

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 180.0
PATIENCE: Final = 120.0
END_SECONDS: Final = 120.0
"""Never reached where all is well, however busy the machine: what has to be waited for is asked for all the time."""
ANY_PORT: Final = dict.fromkeys(("PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "SQL_PORT"), "0")
T = TypeVar("T")


def eventually(look: Callable[[], T], is_right: Callable[[T], bool] = bool, patience: float = PATIENCE) -> T:
    """What `look` returns once it is right; after `patience` seconds whatever it returns then, for the test to complain about."""
    deadline = time.monotonic() + patience
    while not is_right(found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@dataclass
class System:
    """One data directory; `start` and `stop` as often as wanted. `settings` are MISSION_CONTROL_* without the prefix."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    command: Sequence[str] = ("-m", "mission_control.main", "up")
    process: "subprocess.Popen[bytes] | None" = None
    info: dict[str, Any] = field(default_factory=dict)
    name: str = "up"
    """Of the files beside `data` that take what it says."""
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=120))

    @property
    def stderr(self) -> Path:
        return self.data.with_name(self.name + ".stderr")

    @property
    def stdout(self) -> Path:
        return self.data.with_name(self.name + ".stdout")

    @property
    def run_file(self) -> Path:
        return self.data / "run.json"

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start without waiting for anything."""
        names = {f"MISSION_CONTROL_{name}": value for name, value in (ANY_PORT | {"DATA_DIR": str(self.data)} | self.settings).items()}
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self.process = subprocess.Popen([sys.executable, *self.command], cwd=ROOT, env=os.environ | names, stdout=out, stderr=err)
        return self.process

    def start(self) -> "System":
        """Until every port answers."""
        self.spawn()
        assert self.await_ports(), f"it did not start:\n{self.complaints()}"
        return self

    def await_ports(self) -> bool:
        """False when the process ended before it listened."""
        process = self.process
        assert process is not None
        eventually(lambda: self.read_run_file().get("pid") == process.pid or process.poll() is not None, patience=START_SECONDS)
        self.info = self.read_run_file()
        return bool(self.info.get("pid") == process.pid)

    def read_run_file(self) -> dict[str, Any]:
        """Empty where there is none; after a kill the one of the process that has gone is still there."""
        try:
            return dict(json.loads(self.run_file.read_text()))
        except FileNotFoundError:
            return {}

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = END_SECONDS) -> int:
        """The exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
        self.wait()

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def complaints(self) -> str:
        return self.stderr.read_text(errors="replace")[-5000:] if self.stderr.exists() else ""

    def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        """One OTLP request, protobuf unless `content_type` says otherwise."""
        chosen = {"content-type": "application/x-protobuf"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(self.info["otlp_http"] + path, content=body, headers=chosen)

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows by way of the public SQL endpoint."""
        answer = self.http.post(self.info["sql"], content=query + " FORMAT JSONEachRow")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def number(self, query: str) -> int:
        """The only value of the only row."""
        (row,) = self.sql(query)
        (value,) = row.values()
        return int(value)

    def reaches(self, query: str, wanted: int, patience: float = PATIENCE) -> int:
        return eventually(lambda: self.number(query), lambda found: found == wanted, patience)

    def api(self, path: str, **parameters: str) -> Any:
        answer = self.ask(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, **parameters: str) -> httpx.Response:
        return self.http.get(self.info["console"] + path, params=parameters, headers=self.bearer())

    def bearer(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.info['token']}"}

    def metrics(self) -> dict[str, float]:
        """Prometheus samples by name with labels."""
        lines = [line for line in self.http.get(self.info["console"] + "/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def memory(self) -> int:
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def close(self) -> None:
        """Whatever happened, nothing stays behind."""
        self.http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def system_on(data: Path, *, command: Sequence[str] = System.command, **settings: str) -> Iterator[System]:
    """Not started yet; ended afterwards."""
    system = System(data, settings, command)
    try:
        yield system
    finally:
        system.close()
