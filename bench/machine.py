"""What was measured on, in words that name no host."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil


def cpu_model(info: str) -> str:
    """From the text of `/proc/cpuinfo`; "" when that names none."""
    lines = (line.partition(":") for line in info.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), "")


def description() -> str:
    """One line: date, cores, processor, memory, system, engine."""
    info = Path("/proc/cpuinfo")
    model = cpu_model(info.read_text()) if info.exists() else platform.processor()
    memory = psutil.virtual_memory().total / 2**30
    busy = os.getloadavg()[0]
    words = (
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{os.cpu_count()} cores{f' ({model})' if model else ''}, load {busy:.1f} at the end",
        f"{memory:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}, chdb {version('chdb')}",
    )
    return "Measured " + "; ".join(words) + "."
