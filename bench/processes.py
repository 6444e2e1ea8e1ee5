"""What a process and its children use, and how they are ended."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import psutil

GRACE: Final = 15.0
"""Seconds a process has to end by itself."""


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time so far of these processes and all their children, ended ones included."""
    return sum(_cpu(process) for pid in pids for process in _family(pid))


def cpu_by_thread(pid: int) -> dict[str, float]:
    """CPU seconds so far by name of thread; the main thread is `event loop`. Empty where the system does not tell (only Linux does)."""
    found: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            name, user, system = _stat((task / "stat").read_text())
            label = "event loop" if task.name == str(pid) else name
            found[label] = found.get(label, 0.0) + (user + system) / os.sysconf("SC_CLK_TCK")
    return found


def _stat(text: str) -> tuple[str, int, int]:
    """(name, ticks in user mode, in the kernel) of a line of `/proc/PID/stat`; the name may hold spaces and brackets."""
    name, _, rest = text.partition("(")[2].rpartition(")")
    words = rest.split()
    return name, int(words[11]), int(words[12])


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes and their children."""
    return sum(int(process.memory_info().rss) for pid in pids for process in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    """Its own time and that of children that ended and were waited for."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def settle(pids: Sequence[int], seconds: float = 60.0) -> None:
    """Until they have nothing to do of their own (below a tenth of a core for two seconds), at most `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_seconds(pids)
        time.sleep(2)
        if cpu_seconds(pids) - before < 0.2:
            return


def end(process: "subprocess.Popen[bytes]") -> float:
    """SIGTERM, then SIGKILL when that does not help; returns the seconds it took."""
    began = time.monotonic()
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return time.monotonic() - began
