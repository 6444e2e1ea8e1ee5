"""The life of a process, whatever its role: start, serve until a signal, end in time. Wiring only: nothing is looked up."""

import asyncio
import contextlib
import faulthandler
import ipaddress
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import quote

from prometheus_client import CollectorRegistry

from control.hub import Hub
from mission_control.certificates import certificates_of
from mission_control.doors import Doors
from mission_control.footprint import settle, without_pandas
from mission_control.live import live_updates
from mission_control.opening import opened_log, opened_store
from mission_control.roles import UP, Role, check_role
from mission_control.runfile import RunFile, RunInfo
from mission_control.sender_keys import followed_keys
from mission_control.system import Parts, System
from mission_control.trust import exporter_variables
from schemas.errors import SettingsError
from schemas.metrics import Metrics
from schemas.settings import Settings
from schemas.telemetry import configure_logging, configure_sentry, log_loop_errors

SHUTDOWN_SECONDS: Final = 9.5
"""The promise is 10: a process that hangs beyond that is ended by itself. What follows adds up to less."""
TELL_LATE_NS: Final = 2_000_000_000
"""Commits of several processors come by Kafka, each as soon as it can."""
logger = logging.getLogger(__name__)


def run(settings: Settings, demo: bool = False, role: Role = UP) -> int:
    """Until SIGTERM or SIGINT; returns the exit code. Raises SettingsError, LogLockedError, StoreLockedError before anything listens."""
    check_exposure(settings)
    check_role(role, settings)
    doors = Doors(settings, certificates_of(settings))
    without_pandas()
    configure_logging(settings)
    configure_sentry(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    metrics = Metrics(CollectorRegistry())
    with _watchdog() as watchdog, opened_log(settings, metrics) as log, opened_store(settings, role) as store:
        code = asyncio.run(_run(settings, role, demo, Parts(log, store, metrics, doors), watchdog))
    logging.shutdown()
    return code


@contextlib.contextmanager
def _watchdog() -> Iterator[threading.Timer]:
    """To be started when the end begins. A thread, because the event loop may have ended already where it hangs."""
    timer = threading.Timer(SHUTDOWN_SECONDS, _end_late)
    timer.daemon = True
    try:
        yield timer
    finally:
        timer.cancel()


def _end_late() -> None:
    logger.error("the end takes too long; what was accepted is safe in the log and comes at the next start")
    faulthandler.dump_traceback(all_threads=True)
    os._exit(1)


def check_exposure(settings: Settings) -> None:
    """Raises SettingsError when others than this machine could reach a system that asks for no key."""
    if not _is_loopback(settings.host) and not settings.api_key.get_secret_value():
        raise SettingsError(
            "host", f"{settings.host} can be reached from other machines; set MISSION_CONTROL_API_KEY, or listen on 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _run(settings: Settings, role: Role, demo: bool, parts: Parts, watchdog: threading.Timer) -> int:
    loop = asyncio.get_running_loop()
    log_loop_errors(loop)
    stop, failed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    hub = Hub(parts.metrics, TELL_LATE_NS if settings.uses_kafka else 0)
    with live_updates(parts.log, hub, role) as live, followed_keys(parts.log, settings, role) as keys:
        system = System(settings, role, parts, hub, live, keys)
        system.begin(partial(_end_from_thread, loop, failed, stop))
        try:
            async with contextlib.AsyncExitStack() as stack:
                info = await system.open(stack)
                RunFile(settings.data_dir).write(info)
                settle()
                _greet(role, info)
                fleet = _demo(info.otlp_http, settings) if demo else None
                await stop.wait()
                logger.info("stopping: finishing what was accepted")
                watchdog.start()
                RunFile(settings.data_dir).remove()
                _end(fleet)
        finally:
            await system.end()  # a port that is taken, most often
    return 1 if failed.is_set() else 0


def _end_from_thread(loop: asyncio.AbstractEventLoop, *events: asyncio.Event) -> None:
    for event in events:
        loop.call_soon_threadsafe(event.set)


def _greet(role: Role, info: RunInfo) -> None:
    """On stdout, for people; everything else we say goes to the log on stderr."""
    lines = ["Mission Control is running." if role is UP else f"Mission Control is running as `{role.name}`."]
    if role.serves:
        lines.append(f"  console    {info.login_url}  (works once; `mission-control login` gives another)")
    else:
        lines.append(f"  probes     {info.console}/ready, /metrics")
    if role.collects:
        lines.append(f"  OTLP       {info.otlp_http} (HTTP), {info.otlp_grpc} (gRPC)")
    if role.serves:
        lines.append(f"  SQL        {info.sql}")
    if role.collects:
        lines.append("  connect an agent: export OTEL_EXPORTER_OTLP_ENDPOINT=" + info.otlp_http)
    print("\n".join(lines), flush=True)


def _demo(endpoint: str, settings: Settings) -> "subprocess.Popen[bytes]":
    key = settings.api_key.get_secret_value()
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={quote(f'Bearer {key}')}"} if key else {}
    return subprocess.Popen(
        [sys.executable, "-m", "demo", "--endpoint", endpoint], env={**os.environ, **exporter_variables(settings), **headers}
    )


def _end(fleet: "subprocess.Popen[bytes] | None") -> None:
    if fleet is None:
        return
    fleet.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        fleet.wait(2)
    if fleet.poll() is None:
        fleet.kill()
