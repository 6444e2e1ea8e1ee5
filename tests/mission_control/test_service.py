"""The service files are what systemd and launchd take; the system itself is reached through a recorded runner."""

import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mission_control.service import (
    Launchd,
    Ran,
    Service,
    ServiceCommandError,
    ServiceUnsupportedError,
    Systemd,
    installed_command,
    launchd_plist,
    run_command,
    supervisor,
    systemd_unit,
)


class Recorder:
    """A `Run` that remembers; commands whose words contain `fails` exit 1."""

    def __init__(self, fails: str = "", output: str = "") -> None:
        self.commands: list[str] = []
        self.fails = fails
        self.output = output

    def __call__(self, command: Sequence[str]) -> Ran:
        line = " ".join(command)
        self.commands.append(line)
        return Ran(1, "it broke") if self.fails and self.fails in line else Ran(0, self.output)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(Path("/opt/mission control/bin/mission-control"), tmp_path / "data", ("--port", "8001"))


def test_unit_starts_up_with_data_and_ports(service: Service) -> None:
    unit = systemd_unit(service)
    assert f'ExecStart="/opt/mission control/bin/mission-control" "up" "--data" "{service.data_dir}" "--port" "8001"\n' in unit
    assert "Restart=on-failure" in unit


def test_unit_escapes_what_systemd_would_expand() -> None:
    unit = systemd_unit(Service(Path("/bin/mission-control"), Path('/data/100% $HOME "a"\\b')))
    assert '"/data/100%% $$HOME \\"a\\"\\\\b"' in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_itself_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "mission-control.service"
    unit.write_text(systemd_unit(Service(Path(sys.executable), tmp_path / "with space", ("--port", "0"))))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=120, check=False)
    assert "mission-control.service" not in done.stderr, done.stderr


def test_plist_says_the_same(service: Service) -> None:
    plist = plistlib.loads(launchd_plist(service))
    assert plist["ProgramArguments"] == list(service.command())
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    assert plist["StandardErrorPath"] == str(service.data_dir / "service.log")


def test_systemd_life(tmp_path: Path, service: Service) -> None:
    run = Recorder()
    systemd = Systemd(tmp_path, run)
    assert not systemd.status().installed
    installed = systemd.install(service)
    assert installed.installed
    assert installed.running
    assert service.data_dir.is_dir()
    assert installed.file == tmp_path / ".config/systemd/user/mission-control.service"
    systemd.install(service)
    gone = systemd.uninstall()
    assert (gone.installed, gone.running) == (False, False)
    assert not systemd.uninstall().installed
    unit = "mission-control.service"
    started = ["systemctl --user " + words for words in ("daemon-reload", f"enable {unit}", f"restart {unit}", f"is-active --quiet {unit}")]
    stopped = [f"systemctl --user disable --now {unit}", "systemctl --user daemon-reload"]
    assert run.commands == started + started + stopped


def test_launchd_life(tmp_path: Path, service: Service) -> None:
    run = Recorder(output="\tstate = running\n")
    launchd = Launchd(tmp_path, run, 501)
    assert "service.log" in launchd.status().logs
    installed = launchd.install(service)
    assert installed.running
    assert installed.logs == f"tail -f {service.data_dir / 'service.log'}"
    launchd.install(service)
    assert not launchd.uninstall().installed
    assert not launchd.uninstall().running
    file = tmp_path / "Library/LaunchAgents/mission-control.plist"
    start, look, stop = (
        f"launchctl bootstrap gui/501 {file}",
        "launchctl print gui/501/mission-control",
        "launchctl bootout gui/501/mission-control",
    )
    assert run.commands == [start, look, stop, start, look, stop]


def test_a_stopped_launch_agent_is_not_running(tmp_path: Path, service: Service) -> None:
    assert not Launchd(tmp_path, Recorder(output="state = waiting"), 501).install(service).running


def test_failing_command_is_told(tmp_path: Path, service: Service) -> None:
    with pytest.raises(ServiceCommandError, match=r"systemctl --user enable mission-control.service` failed: it broke"):
        Systemd(tmp_path, Recorder(fails="enable")).install(service)


def test_supervisor_of_each_platform(tmp_path: Path) -> None:
    assert isinstance(supervisor("linux", tmp_path), Systemd)
    assert isinstance(supervisor("darwin", tmp_path), Launchd)
    with pytest.raises(ServiceUnsupportedError, match="win32"):
        supervisor("win32", tmp_path)


def test_commands_really_run() -> None:
    assert run_command([sys.executable, "-c", "print('hello')"]) == Ran(0, "hello\n")
    assert run_command(["no-such-program-here"]).status == 127


def test_the_service_runs_the_command_that_installs_it() -> None:
    assert installed_command("mission-control-not-on-the-path").name == "mission-control"
    assert installed_command(sys.executable) == Path(sys.executable)
