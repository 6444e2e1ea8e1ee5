"""Peers' packages, each in a virtual environment of its own outside the repository, so nothing of theirs meets ours."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from bench.errors import PeerMissingError

INSTALL_SECONDS: Final = 900


def environment(peer: str, package: str) -> Path:
    """The `bin` directory of the peer's environment, installed when it is not there yet. Raises PeerMissingError."""
    directory = user_cache_path("mission-control-bench", appauthor=False) / peer
    done = directory / "installed"
    if not done.exists():
        _run(peer, "venv", "--quiet", "--clear", "--python", sys.executable, os.fspath(directory))
        _run(peer, "pip", "install", "--quiet", "--python", os.fspath(directory / "bin" / "python"), package)
        done.touch()
    return directory / "bin"


def version(bin_directory: Path, package: str) -> str:
    """As installed."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([bin_directory / "python", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _run(peer: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise PeerMissingError(peer, f"not installed after {INSTALL_SECONDS} s") from error
    if done.returncode:
        raise PeerMissingError(peer, done.stderr)
