"""run.json: private, atomic, and not believed when its process has gone."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mission_control.runfile import NAME, RunFile, RunInfo, is_alive, read_run_file

INFO = RunInfo(
    os.getpid(), "http://127.0.0.1:8000", "http://127.0.0.1:4318", "http://127.0.0.1:4317", "http://127.0.0.1:8123", "x", "secret"
)


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_is_written_is_read_and_nobody_else_can(tmp_path: Path) -> None:
    file = RunFile(tmp_path)
    file.write(INFO)
    assert read_run_file(tmp_path) == INFO
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert list(json.loads(file.path.read_text())) == [
        "pid",
        "console",
        "otlp_http",
        "otlp_grpc",
        "sql",
        "login_url",
        "token",
        "certificate",
    ]
    assert os.listdir(tmp_path) == [NAME]


def test_writing_again_replaces_and_removing_twice_is_no_error(tmp_path: Path) -> None:
    file = RunFile(tmp_path)
    file.write(RunInfo(dead_pid(), token="old"))
    file.write(INFO)
    assert read_run_file(tmp_path) == INFO
    file.remove()
    file.remove()
    assert read_run_file(tmp_path) is None
    assert os.listdir(tmp_path) == []


def test_a_file_whose_process_has_gone_is_stale(tmp_path: Path) -> None:
    stale = RunInfo(dead_pid(), "http://127.0.0.1:1")
    RunFile(tmp_path).write(stale)
    assert read_run_file(tmp_path) is None
    assert RunFile(tmp_path).read() == stale


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "1"}', '{"pid": true}', '{"pid": -4}', "\x00\xff"])
def test_what_is_no_run_file_is_no_running_system(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert read_run_file(tmp_path) is None


def test_keys_of_a_newer_version_are_left_aside(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({"pid": os.getpid(), "console": 7, "token": "t", "more": [1]}))
    assert read_run_file(tmp_path) == RunInfo(os.getpid(), token="t")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RunFile(tmp_path)
    file.write(INFO)

    def full(source: str, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        file.write(RunInfo(1))
    assert file.read() == INFO
    assert os.listdir(tmp_path) == [NAME]


def test_a_process_of_somebody_else_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int) -> None:
        raise psutil.AccessDenied(pid)

    monkeypatch.setattr(psutil, "Process", forbidden)
    assert is_alive(1, 0)


def test_a_younger_process_with_the_same_id_is_another(tmp_path: Path) -> None:
    RunFile(tmp_path).write(INFO)
    os.utime(tmp_path / NAME, (1, psutil.Process().create_time() - 3600))
    assert read_run_file(tmp_path) is None


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(child.pid, time.time())
    finally:
        child.wait()
