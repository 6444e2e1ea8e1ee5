"""Mission Control as a service of one user: a systemd user unit on Linux, a launch agent on macOS.

Rendering is pure; what touches the system goes through an injected `Run` and home directory.
"""

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from schemas.errors import MissionControlError

UNIT: Final = "mission-control.service"
LABEL: Final = "mission-control"
STOP_SECONDS: Final = 20
"""`up` promises to be gone 10 s after SIGTERM."""
COMMAND_SECONDS: Final = 30


@dataclass
class ServiceUnsupportedError(MissionControlError):
    platform: str

    def __str__(self) -> str:
        return f"no service for platform {self.platform}: systemd (Linux) and launchd (macOS) are known; run `mission-control up` yourself"


@dataclass
class ServiceCommandError(MissionControlError):
    command: Sequence[str]
    output: str

    def __str__(self) -> str:
        return f"`{' '.join(self.command)}` failed: {self.output.strip()}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: its exit status and both outputs together."""

    status: int
    output: str


Run = Callable[[Sequence[str]], Ran]


@dataclass(frozen=True, slots=True)
class Service:
    """What is to run: `EXECUTABLE up --data DATA_DIR ARGUMENTS…`, again after a crash."""

    executable: Path
    data_dir: Path
    arguments: tuple[str, ...] = ()

    def command(self) -> tuple[str, ...]:
        return (str(self.executable), "up", "--data", str(self.data_dir), *self.arguments)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    file: Path
    installed: bool
    running: bool
    logs: str
    """How its owner reads its log lines."""


class Supervisor(Protocol):
    """What keeps the service running. All methods block for as long as the system's own command takes."""

    def install(self, service: Service) -> ServiceStatus:
        """Write the file and (re)start; safe to repeat. Raises ServiceCommandError."""
        ...

    def uninstall(self) -> ServiceStatus:
        """Stop and forget; data stays. Nothing to do is no error."""
        ...

    def status(self) -> ServiceStatus: ...


def systemd_unit(service: Service) -> str:
    """The unit file. Restarts after a crash only: a clean exit was wanted."""
    command = " ".join(_systemd_quoted(word) for word in service.command())
    return f"""[Unit]
Description=Mission Control, the observability and control plane for AI agents
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=2
KillMode=mixed
TimeoutStopSec={STOP_SECONDS}

[Install]
WantedBy=default.target
"""


def _systemd_quoted(word: str) -> str:
    """`%` and `$` mean something inside a unit, quotes and backslashes inside a word."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"'


def launchd_plist(service: Service) -> bytes:
    """The property list. Its log is a file, as launchd keeps none."""
    log = str(service.data_dir / "service.log")
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(service.command()),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ExitTimeOut": STOP_SECONDS,
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
    )


@dataclass(frozen=True, slots=True)
class Systemd:
    home: Path
    run: Run

    @property
    def file(self) -> Path:
        return self.home / ".config" / "systemd" / "user" / UNIT

    def install(self, service: Service) -> ServiceStatus:
        service.data_dir.mkdir(parents=True, exist_ok=True)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(systemd_unit(service), encoding="utf-8")
        for command in (["daemon-reload"], ["enable", UNIT], ["restart", UNIT]):
            _must(self.run, ["systemctl", "--user", *command])
        return self.status()

    def uninstall(self) -> ServiceStatus:
        if self.file.exists():
            _must(self.run, ["systemctl", "--user", "disable", "--now", UNIT])
            self.file.unlink()
            _must(self.run, ["systemctl", "--user", "daemon-reload"])
        return self.status()

    def status(self) -> ServiceStatus:
        active = self.file.exists() and self.run(["systemctl", "--user", "is-active", "--quiet", UNIT]).status == 0
        return ServiceStatus(self.file, self.file.exists(), active, f"journalctl --user --unit {UNIT} --follow")


@dataclass(frozen=True, slots=True)
class Launchd:
    home: Path
    run: Run
    user_id: int

    @property
    def file(self) -> Path:
        return self.home / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    def install(self, service: Service) -> ServiceStatus:
        service.data_dir.mkdir(parents=True, exist_ok=True)
        self._forget()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(launchd_plist(service))
        _must(self.run, ["launchctl", "bootstrap", f"gui/{self.user_id}", str(self.file)])
        return self.status()

    def uninstall(self) -> ServiceStatus:
        self._forget()
        self.file.unlink(missing_ok=True)
        return self.status()

    def status(self) -> ServiceStatus:
        printed = self.run(["launchctl", "print", f"gui/{self.user_id}/{LABEL}"]) if self.file.exists() else Ran(1, "")
        running = printed.status == 0 and "state = running" in printed.output
        return ServiceStatus(self.file, self.file.exists(), running, f"tail -f {self._log()}")

    def _forget(self) -> None:
        """Its status is not looked at: what launchd does not know need not be forgotten."""
        if self.file.exists():
            self.run(["launchctl", "bootout", f"gui/{self.user_id}/{LABEL}"])

    def _log(self) -> str:
        if not self.file.exists():
            return "service.log"
        return str(plistlib.loads(self.file.read_bytes())["StandardErrorPath"])


def supervisor(platform: str = sys.platform, home: Path | None = None, run: Run | None = None) -> Supervisor:
    """The one of this platform. Raises ServiceUnsupportedError."""
    where, how = home or Path.home(), run or run_command
    if platform == "linux":
        return Systemd(where, how)
    if platform == "darwin":
        return Launchd(where, how, os.getuid())
    raise ServiceUnsupportedError(platform)


def installed_command(argument: str = sys.argv[0]) -> Path:
    """The absolute path of the `mission-control` that runs now, which the service will run too."""
    found = shutil.which(argument)
    return (Path(found) if found else Path(sys.executable).with_name("mission-control")).absolute()


def run_command(command: Sequence[str]) -> Ran:
    """A missing program or one that hangs is a failed command."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Ran(127, str(error))
    return Ran(done.returncode, done.stdout)


def _must(run: Run, command: Sequence[str]) -> None:
    ran = run(command)
    if ran.status != 0:
        raise ServiceCommandError(command, ran.output)
