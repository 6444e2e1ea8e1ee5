"""A whole cluster on this machine, for people, by `make cluster`: brokers, a store, collectors, processors and a server, each a process to kill.

What ends without being told to is started again after a while, as systemd or Kubernetes would do it.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.brokers import ROOT, Broker, free_port, missing, prepared
from tests.clickhouse.clickhouse_server import ClickHouse

DATA: Final = ROOT / ".make" / "cluster"
SAFE_BROKERS: Final = 3
START_SECONDS: Final = 180.0
END_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.25
STAND_IN: Final = (
    "a STAND-IN, not a ClickHouse server: one embedded engine behind ClickHouse's HTTP interface, for trying things;"
    " MISSION_CONTROL_CLICKHOUSE_URL names a real one"
)
Process = subprocess.Popen[bytes] | subprocess.Popen[str]


class DidNotStartError(Exception):
    """What it said is in the text."""


@dataclass(frozen=True)
class Wanted:
    """How many of each; `restart_after` in seconds. `any_port`: free ports instead of the usual ones, for tests."""

    directory: Path
    brokers: int
    collectors: int
    processors: int
    restart_after: float
    any_port: bool
    clickhouse_url: str

    def port(self, usual: int) -> int:
        return free_port() if self.any_port else usual


@dataclass
class Member:
    """One process. `spawn` starts it; `address` may be asked for once it `is_up`. `note` is for people."""

    name: str
    spawn: Callable[[], Process]
    is_up: Callable[[int], bool]
    address: Callable[[], str]
    note: str = ""
    process: "Process | None" = None
    ended_at: float = 0.0
    was_up: bool = False

    def start(self) -> None:
        self.process, self.ended_at, self.was_up = self.spawn(), 0.0, False

    @property
    def pid(self) -> int:
        return 0 if self.process is None else self.process.pid

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def await_up(self) -> None:
        """Raises DidNotStartError."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up(self.pid):
            if not self.is_alive() or time.monotonic() > deadline:
                raise DidNotStartError(f"{self.name} did not start")
            time.sleep(0.1)
        self.was_up = True

    def line(self) -> str:
        return f"  {self.name:<12}{self.pid:<9}{self.address()}" + (f"\n{'':<23}{self.note}" if self.note else "")

    def told_to_end(self) -> None:
        if self.process is not None and self.is_alive():
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.terminate()

    def ended(self) -> None:
        """At the latest after END_SECONDS."""
        if self.process is None:
            return
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class MachineCluster:
    """Its members in the order in which they start."""

    wanted: Wanted
    brokers: list[Broker] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """Of every role."""
        named = {
            "KAFKA_BOOTSTRAP_SERVERS": ",".join(broker.address for broker in self.brokers),
            "CLICKHOUSE_URL": self.wanted.clickhouse_url,
            "LOG_FORMAT": "text",
        }
        return {f"MISSION_CONTROL_{name}": value for name, value in named.items()}

    def start(self) -> None:
        """Raises DidNotStartError."""
        ports = [self.wanted.port(9092 + 2 * number) for number in range(self.wanted.brokers)]
        self.brokers = prepared(self.wanted.directory, self.wanted.brokers, ports)
        self._begin(_broker(broker) for broker in self.brokers)
        if not self.wanted.clickhouse_url:
            self._begin([self._stand_in()])
        self._migrate()
        self._begin(self._roles())

    def _begin(self, members: "Iterator[Member] | Sequence[Member]") -> None:
        started = list(members)
        for member in started:
            self.members.append(member)
            member.start()
        for member in started:
            member.await_up()

    def _stand_in(self) -> Member:
        server = ClickHouse(self.wanted.directory / "clickhouse", port=self.wanted.port(8124))

        def spawn() -> Process:
            server.start()
            assert server.process is not None
            self.wanted = Wanted(**{**vars(self.wanted), "clickhouse_url": server.url})
            return server.process

        return Member("clickhouse", spawn, lambda _: True, lambda: server.url, STAND_IN)

    def _migrate(self) -> None:
        """Raises DidNotStartError."""
        options = ["--single-node"] if self.wanted.brokers < SAFE_BROKERS else []
        command = [sys.executable, "-m", "mission_control.main", "migrate", *options]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | self.settings, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DidNotStartError(f"`mission-control migrate` failed:\n{done.stderr}")

    def _roles(self) -> Iterator[Member]:
        for number in range(self.wanted.processors):
            yield self._role(f"process-{number + 1}", {"PORT": 8021 + number})
        for number in range(self.wanted.collectors):
            ports = {"PORT": 8011 + number, "OTLP_HTTP_PORT": 4318 + 10 * number, "OTLP_GRPC_PORT": 4317 + 10 * number}
            yield self._role(f"collect-{number + 1}", ports)
        # With a key of its own its sessions outlive it.
        yield self._role("serve", {"PORT": 8000, "SQL_PORT": 8123}, {"MISSION_CONTROL_API_KEY": secrets.token_urlsafe(32)})

    def _role(self, name: str, usual: Mapping[str, int], more: Mapping[str, str] | None = None) -> Member:
        data = self.wanted.directory / name
        ports = {f"MISSION_CONTROL_{setting}": str(self.wanted.port(port)) for setting, port in usual.items()}
        command = [sys.executable, "-m", "mission_control.main", name.partition("-")[0], "--data", str(data)]

        def spawn() -> Process:
            with (self.wanted.directory / f"{name}.log").open("ab") as output:
                environment = os.environ | self.settings | ports | dict(more or {})
                return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output, process_group=0)

        def told() -> dict[str, Any]:
            try:
                found: dict[str, Any] = json.loads((data / "run.json").read_text())
            except FileNotFoundError:
                return {}
            return found

        return Member(name, spawn, lambda pid: told().get("pid") == pid, lambda: _addresses(told()))

    def watch(self, stop: threading.Event) -> None:
        """Until `stop`: what has ended is said, and started again."""
        while not stop.wait(LOOK_SECONDS):
            for member in self.members:
                self._look(member)

    def _look(self, member: Member) -> None:
        if member.is_alive() or member.process is None:
            if not member.was_up and member.is_up(member.pid):
                member.was_up = True
                _say(f"{member.name} is back\n{member.line()}")
            return
        if not member.ended_at:
            member.ended_at = time.monotonic()
            after = f"starts again in {self.wanted.restart_after:g} s"
            _say(f"{member.name} ({member.pid}) ended with {member.process.returncode}; {after}")
        elif time.monotonic() - member.ended_at >= self.wanted.restart_after:
            member.start()  # nobody waits for it: others may be gone as well

    def end(self) -> None:
        """Those who serve and store first, then what they need; nothing stays behind."""
        needed = [member for member in self.members if member.name.startswith(("kafka", "clickhouse"))]
        for group in ([member for member in self.members if member not in needed], needed):
            for member in group:
                member.told_to_end()
            for member in group:
                member.ended()


def _broker(broker: Broker) -> Member:
    def spawn() -> Process:
        broker.spawn()
        assert broker.process is not None
        return broker.process

    return Member(f"kafka-{broker.number}", spawn, lambda _: broker.answers(), lambda: broker.address)


def _addresses(info: Mapping[str, Any]) -> str:
    if info.get("login_url"):
        return f"{info['login_url']}  SQL {info['sql']}"
    otlp = f"OTLP {info['otlp_http']} (HTTP), {info['otlp_grpc']} (gRPC)  " if info.get("otlp_http") else ""
    return f"{otlp}{info.get('console', '')}/ready"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def read_options(arguments: Sequence[str] | None = None) -> Wanted:
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--brokers", type=int, default=SAFE_BROKERS)
    parser.add_argument("--collectors", type=int, default=2)
    parser.add_argument("--processors", type=int, default=2)
    parser.add_argument("--restart-after", type=float, default=10.0, help="seconds until what was killed is started again")
    parser.add_argument("--any-port", action="store_true", help="free ports instead of the usual ones")
    parser.add_argument("--data", type=Path, default=DATA, help="emptied at the start")
    given = parser.parse_args(arguments)
    url = os.environ.get("MISSION_CONTROL_CLICKHOUSE_URL", "")
    return Wanted(given.data, given.brokers, given.collectors, given.processors, given.restart_after, given.any_port, url)


def main() -> int:
    if why := missing():
        print(f"make cluster: {why}", file=sys.stderr)
        return 1
    wanted, stop = read_options(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    shutil.rmtree(wanted.directory, ignore_errors=True)
    wanted.directory.mkdir(parents=True)
    cluster = MachineCluster(wanted)
    _say("starting; on two cores this takes about a minute")
    try:
        cluster.start()
        _say("Mission Control is running as a cluster. Ctrl-C ends it.")
        print(f"  {'NAME':<12}{'PID':<9}ADDRESS")
        print("\n".join(member.line() for member in cluster.members))
        print(f"  what they say: {wanted.directory}/*.log, kept until the next start")
        print(f"  something to see: mission-control demo --data {wanted.directory}/collect-1")
        print(f"  kill one: kill -9 PID; it comes back after {wanted.restart_after:g} s", flush=True)
        cluster.watch(stop)
    except DidNotStartError as error:
        print(f"make cluster: {error}; see {wanted.directory}", file=sys.stderr)
        return 1
    finally:
        _say("ending")
        cluster.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
