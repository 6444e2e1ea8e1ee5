"""Real Kafka brokers on loopback, from the jars of deploy/kafka/pom.xml: for tests, and for people by `make kafka`."""

import argparse
import errno
import fcntl
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
POM: Final = ROOT / "deploy/kafka/pom.xml"
JARS: Final = ROOT / ".make/kafka/jars"
KEPT_PORTS: Final = range(15_000, 30_000)
START_SECONDS: Final = 180.0
_LOGGING: Final = "-Dlog4j2.level=WARN"


def missing() -> str:
    """What this machine lacks for a broker; "" when it has all."""
    absent = [name for name in ("java", "mvn") if shutil.which(name) is None]
    if absent == ["mvn"] and any(JARS.glob("kafka_*.jar")):
        absent = []
    return f"{' and '.join(absent)} not found; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless maven" if absent else ""


def class_path() -> str:
    """The jars, copied by Maven the first time, by one process at a time. Raises CalledProcessError with what Maven said."""
    JARS.parent.mkdir(parents=True, exist_ok=True)
    with JARS.with_name("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any(JARS.glob("kafka_*.jar")):
            draft = JARS.with_name("jars.draft")
            command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
            subprocess.run(command, check=True)
            draft.rename(JARS)
    return f"{JARS}/*"


def free_port() -> int:
    """For who keeps its port over restarts: none of those that the system lends to clients, which might have it when it comes back."""
    for port in random.sample(KEPT_PORTS, 100):
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise OSError(errno.EADDRINUSE, "none of a hundred ports is free")


@dataclass(frozen=True)
class Login:
    """A broker that speaks TLS alone, with a certificate and key (PEM) of its own, and knows these users of SCRAM and of PLAIN by their password."""

    certificate: Path
    scram: Mapping[str, str]
    plain: Mapping[str, str]

    def properties(self) -> dict[str, str]:
        """Brokers and controllers among themselves stay on loopback without it."""
        users = " ".join(f'user_{name}="{password}"' for name, password in self.plain.items())
        modules = "org.apache.kafka.common.security"
        return {
            "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.client.plain.sasl.jaas.config": f"{modules}.plain.PlainLoginModule required {users};",
            "listener.name.client.scram-sha-512.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificate),
        }

    def options(self) -> list[str]:
        """Of the tool that formats."""
        return [
            part for name, password in self.scram.items() for part in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
        ]


@dataclass
class Broker:
    """One node, broker and controller in one process; its data survive `kill` and `start`."""

    directory: Path
    number: int = 1
    port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)
    internal_port: int = field(default_factory=free_port)
    login: Login | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def format(self, cluster: str, voters: str, replicas: int) -> None:
        """Lay its directory out; once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "controller.quorum.voters": voters,
            "listeners": f"{self._advertised},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": self._advertised,
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            "offsets.topic.replication.factor": str(replicas),
            "offsets.topic.num.partitions": "3",
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": str(min(replicas, 2)),
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "share.coordinator.state.topic.min.isr": str(min(replicas, 2)),
            "min.insync.replicas": str(min(replicas, 2)),
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            **(self.login.properties() if self.login else {}),
        }
        self._file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        java = ["java", _LOGGING, "-cp", class_path(), "kafka.tools.StorageTool"]
        options = self.login.options() if self.login else []
        subprocess.run([*java, "format", "-t", cluster, "-c", str(self._file), *options], check=True, capture_output=True)

    @property
    def _advertised(self) -> str:
        if self.login is None:
            return f"PLAINTEXT://{self.address}"
        return f"CLIENT://{self.address},INTERNAL://127.0.0.1:{self.internal_port}"

    @property
    def _file(self) -> Path:
        return self.directory / "server.properties"

    def spawn(self) -> None:
        command = ["java", "-Xmx384m", "-Xms128m", "-XX:TieredStopAtLevel=1", _LOGGING, "-cp", class_path(), "kafka.Kafka", str(self._file)]
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, process_group=0)

    def answers(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def await_port(self) -> None:
        """Until it takes connections. Raises TimeoutError."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            if self.answers():
                return
            time.sleep(0.1)
        raise TimeoutError(f"Kafka did not start:\n{(self.directory / 'output').read_text(errors='replace')[-3000:]}")

    def start(self) -> None:
        self.spawn()
        self.await_port()

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)
        self.process = None

    def pause(self) -> None:
        """It hangs: connections stay, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def unpause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Cluster:
    nodes: Sequence[Broker]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes)

    @property
    def node(self) -> Broker:
        """The only one, or the first."""
        return self.nodes[0]


def prepared(directory: Path, nodes: int = 1, ports: Sequence[int] = (), login: Login | None = None) -> list[Broker]:
    """Nodes of one cluster, laid out and not started; those of `ports` have theirs, the others free ones."""
    brokers = [Broker(directory / f"node-{number}", number, login=login) for number in range(1, nodes + 1)]
    for broker, port in zip(brokers, ports, strict=False):
        broker.port = port
    voters = ",".join(f"{broker.number}@127.0.0.1:{broker.controller_port}" for broker in brokers)
    name = uuid.uuid4()
    for broker in brokers:
        broker.format(str(name), voters, min(nodes, 3))
    return brokers


@contextmanager
def running(directory: Path, nodes: int = 1, port: int | None = None, login: Login | None = None) -> Iterator[Cluster]:
    """A started cluster; nothing of it runs afterwards."""
    brokers = prepared(directory, nodes, () if port is None else (port,), login)
    try:
        for broker in brokers:
            broker.spawn()
        for broker in brokers:
            broker.await_port()
        yield Cluster(brokers)
    finally:
        for broker in brokers:
            broker.end()


def main() -> int:
    """`make kafka`: one node until Ctrl-C; its data are gone afterwards."""
    parser = argparse.ArgumentParser(prog="make kafka", description=main.__doc__)
    parser.add_argument("--port", type=int, default=9092)
    parser.add_argument("--nodes", type=int, default=1)
    wanted = parser.parse_args()
    if why := missing():
        print(f"make kafka: {why}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), wanted.nodes, wanted.port) as cluster:
        print(
            f"Kafka is running.\n  export MISSION_CONTROL_LOG=kafka MISSION_CONTROL_KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap}", flush=True
        )
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
