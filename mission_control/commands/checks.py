"""What `doctor` looks at on this machine, without a running system: pure readings, each with what to do about it."""

import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from mission_control.client import Target
from mission_control.commands.words import size
from mission_control.runfile import RunFile, read_run_file
from schemas.settings import MEBIBYTE, Settings

OLDEST_PYTHON: Final = (3, 11)
FREE_BYTES: Final = 2048 * MEBIBYTE
SYNC_ROUNDS: Final = 15
SLOW_SYNC_MS: Final = 20.0
_PORTS: Final = (("port", "console"), ("otlp_http_port", "otlp_http"), ("otlp_grpc_port", "otlp_grpc"), ("sql_port", "sql"))
_ENDPOINTS: Final = tuple(f"OTEL_EXPORTER_OTLP{signal}_ENDPOINT" for signal in ("", "_TRACES", "_LOGS", "_METRICS"))
_EXPORTERS: Final = tuple(f"OTEL_{signal}_EXPORTER" for signal in ("TRACES", "LOGS", "METRICS"))
_WANTED: Final = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?(?:>=(?P<least>[\d.]+))?")
_NUMBERS: Final = re.compile(r"\d+")

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`advice` says what to do; empty when all is well."""

    check: str
    status: Status
    found: str
    advice: str = ""


def python(running: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    found = ".".join(map(str, running))
    if running < OLDEST_PYTHON:
        return Finding("python", "fail", found, "Mission Control needs Python 3.11 or newer: run `make setup` with one")
    return Finding("python", "ok", found)


def packages(wanted: Sequence[str] | None = None) -> Finding:
    """Whether everything that the installed package asks for is there, and new enough. What has a condition is left aside."""
    try:
        needed = [text for text in (requires("mission-control") or () if wanted is None else wanted) if ";" not in text]
        found = version("mission-control")
    except PackageNotFoundError:
        return Finding("packages", "fail", "mission-control is not installed", "run `make setup`, or install the wheel")
    wrong = [problem for text in needed if (problem := _problem(text))]
    if wrong:
        return Finding("packages", "fail", "; ".join(wrong), "run `make setup`, or install the wheel again")
    return Finding("packages", "ok", f"mission-control {found}, {len(needed)} packages")


def _problem(wanted: str) -> str:
    """`wanted` is name[extras]>=version."""
    match = _WANTED.match(wanted)
    assert match, wanted
    name, least = match["name"], match["least"] or "0"
    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{name} is missing"
    return f"{name} is {found}, older than {least}" if _numbers(found) < _numbers(least) else ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _NUMBERS.findall(text.partition("+")[0])[:3])


def data_directory(directory: Path, keep_free: int) -> Finding:
    """Writable, and with room; `keep_free` in bytes is what senders are refused below."""
    place = existing(directory)
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding(
            "data directory", "fail", f"{directory}: {error.strerror or error}", "choose another with --data or MISSION_CONTROL_DATA_DIR"
        )
    found = f"{directory}, {size(free)} free"
    if free < keep_free:
        return Finding("data directory", "fail", found, f"senders get 503 below {size(keep_free)}: free space, or choose another directory")
    if free < FREE_BYTES:
        return Finding("data directory", "warn", found, "free some space: a busy day takes gigabytes")
    return Finding("data directory", "ok", found)


def existing(directory: Path) -> Path:
    """The directory, or where it would be made."""
    return next(place for place in (directory, *directory.absolute().parents) if place.exists())


def disk_sync(directory: Path, rounds: int = SYNC_ROUNDS) -> Finding:
    """How long one small write takes to be on the disk: each acknowledgement waits for one."""
    taken = []
    try:
        with tempfile.TemporaryFile(dir=existing(directory)) as file:
            for _ in range(rounds):
                file.write(b"x" * 4096)
                file.flush()
                started = time.perf_counter()
                os.fsync(file.fileno())
                taken.append((time.perf_counter() - started) * 1000)
    except OSError as error:
        return Finding("disk sync", "fail", error.strerror or str(error), "choose another directory with --data")
    middle = statistics.median(taken)
    found = f"{middle:.1f} ms"
    if middle > SLOW_SYNC_MS:
        return Finding(
            "disk sync", "warn", found, "every acknowledgement waits for this: use a faster disk, or MISSION_CONTROL_DURABILITY=process"
        )
    return Finding("disk sync", "ok", found)


def run_file(directory: Path) -> Finding:
    file = RunFile(directory)
    if not file.path.exists():
        return Finding("run.json", "warn", f"none in {directory}", "start Mission Control with `mission-control up`")
    info = read_run_file(directory)
    if info is None:
        return Finding(
            "run.json",
            "warn",
            "its process has gone without removing it",
            "start Mission Control with `mission-control up`; it writes a new one",
        )
    if file.path.stat().st_mode & 0o077:
        return Finding(
            "run.json",
            "fail",
            "others can read it, and the token in it",
            f"chmod 600 {file.path}, then start `up` again: the token changes",
        )
    return Finding("run.json", "ok", f"process {info.pid}")


def ports(settings: Settings, target: Target | None) -> list[Finding]:
    """Of each port of the settings whether it is ours or free."""
    return [_port(settings.host, getattr(settings, setting), setting, getattr(target, name) if target else "") for setting, name in _PORTS]


def _port(host: str, port: int, setting: str, ours: str) -> Finding:
    name = setting.replace("_", " ")
    if ours:
        return Finding(name, "ok", f"{ours} is ours")
    if port == 0:
        return Finding(name, "ok", "any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            option = "--" + setting.replace("_", "-")
            return Finding(
                name, "fail", f"{host}:{port}: {error.strerror or error}", f"end what listens there, or choose another with {option}"
            )
    return Finding(name, "ok", f"{host}:{port} is free")


def environment(variables: Mapping[str, str], target: Target | None) -> Finding:
    """Whether OpenTelemetry in this shell sends to the running system."""
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Finding("OTEL_*", "warn", "OTEL_SDK_DISABLED=true", "unset OTEL_SDK_DISABLED, or nothing started here sends anything")
    off = [name for name in _EXPORTERS if variables.get(name) == "none"]
    if off:
        return Finding("OTEL_*", "warn", ", ".join(f"{name}=none" for name in off), "unset them, or that signal is not sent")
    given = {name: variables[name] for name in _ENDPOINTS if variables.get(name)}
    if not given:
        return Finding("OTEL_*", "ok", "not set: agents need OTEL_EXPORTER_OTLP_ENDPOINT, or send to the default ports")
    if target is None:
        return Finding("OTEL_*", "warn", ", ".join(given), "nothing runs that they could be compared with")
    elsewhere = [
        f"{name}={value}" for name, value in given.items() if _place(value) not in (_place(target.otlp_http), _place(target.otlp_grpc))
    ]
    if elsewhere:
        advice = f"export OTEL_EXPORTER_OTLP_ENDPOINT={target.otlp_http}"
        return Finding("OTEL_*", "warn", f"{', '.join(elsewhere)}: that is not the running system", advice)
    return _protocol(variables, given, target)


def _protocol(variables: Mapping[str, str], given: Mapping[str, str], target: Target) -> Finding:
    """The protocol that is named must be the one the port speaks."""
    protocol = variables.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")
    wanted = target.otlp_grpc if protocol == "grpc" else target.otlp_http
    wrong = [name for name, value in given.items() if protocol and _place(value) != _place(wanted)]
    if wrong:
        return Finding(
            "OTEL_*", "warn", f"{', '.join(wrong)} is no port for OTEL_EXPORTER_OTLP_PROTOCOL={protocol}", f"export {wrong[0]}={wanted}"
        )
    return Finding("OTEL_*", "ok", ", ".join(f"{name}={value}" for name, value in given.items()))


def _place(url: str) -> tuple[str, int | None]:
    """Host and port; all names of loopback are one."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        port = parts.port
    except ValueError:
        return url, None
    host = parts.hostname or ""
    return "127.0.0.1" if host in ("localhost", "::1") else host, port
