"""`make cluster`, smaller: what is killed comes back, and at the end nothing stays behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.brokers import ROOT, missing
from tests.system.running import eventually

PATIENCE = 240.0
MEMBER = re.compile(r"^  ([a-z]+(?:-\d+)?) +(\d+) +(\S+)", re.MULTILINE)


def test_what_is_killed_comes_back_and_all_ends_together(tmp_path: Path) -> None:
    if why := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"NO TEST OF KAFKA WAS RUN: {why}")
    small = ["--brokers", "1", "--collectors", "1", "--processors", "1", "--restart-after", "1"]
    command = [sys.executable, "-m", "tests.cluster", "--any-port", "--data", str(tmp_path / "data"), *small]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MISSION_CONTROL_")}
    output = tmp_path / "output"

    def said() -> str:
        return output.read_text()

    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: "kill one:" in said() or process.poll() is not None, patience=PATIENCE)
        members = {name: int(pid) for name, pid, _ in MEMBER.findall(said())}
        assert set(members) == {"kafka-1", "clickhouse", "process-1", "collect-1", "serve"}, said()
        assert "STAND-IN, not a ClickHouse server" in said()
        os.kill(members["collect-1"], signal.SIGKILL)
        assert eventually(lambda: "collect-1 is back" in said(), patience=PATIENCE), said()
        assert f"collect-1 ({members['collect-1']}) ended with -9" in said()
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(120)
    assert code == 0
    members |= {name: int(pid) for name, pid, _ in MEMBER.findall(said())}
    assert [name for name, pid in members.items() if psutil.pid_exists(pid)] == []
