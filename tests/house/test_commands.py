"""The Makefile offers what is promised, and says clearly what it misses."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISED = {"setup", "run", "test", "test-fast", "check", "bench", "bench-peers", "dist"}


def make(directory: Path, *words: str, path: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make") or "make"
    environment = {"PATH": path, "HOME": str(directory)}
    return subprocess.run([program, *words], cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH with little on it, and no Python."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir", "touch", "rm", "id"):
        (programs / name).symlink_to(shutil.which(name) or name)
    shutil.copy(ROOT / "Makefile", tmp_path)
    return str(programs)


def test_help_lists_every_promised_command() -> None:
    listed = make(ROOT, "help", path=os.environ["PATH"]).stdout
    assert set(re.findall(r"^make ([a-z-]+)", listed, re.MULTILINE)) >= PROMISED


def test_no_python_is_one_clear_line(tmp_path: Path, bare: str) -> None:
    done = make(tmp_path, ".make/venv", path=bare)
    assert done.returncode == 2
    assert "make setup: no Python >= 3.11 found" in done.stderr
    assert not (tmp_path / ".make" / "venv").exists()


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path, bare: str) -> None:
    old = Path(bare) / "python3.11"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert "no Python >= 3.11 found" in make(tmp_path, ".make/venv", path=bare).stderr


def test_continuous_integration_runs_the_promised_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o100
    assert re.search(r"^make test$", script.read_text(encoding="utf-8"), re.MULTILINE)
