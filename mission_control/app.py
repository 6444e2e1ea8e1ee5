"""`mission-control up`: the whole system in one process. Wiring only: what is built here is passed down, nothing is looked up."""

import asyncio
import contextlib
import faulthandler
import ipaddress
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from collectors.grpc import OtlpGrpc
from collectors.http import http_app
from collectors.receive import Receiver
from control.app import create_app
from control.auth import Doorkeeper
from control.hub import Hub
from control.sql_endpoint import create_sql_app
from mission_control.backups import Backups
from mission_control.footprint import settle, without_pandas
from mission_control.operator import operator_commands
from mission_control.processing import Processing
from mission_control.runfile import RunFile, RunInfo
from mission_control.servers import Server, bind, server, url
from pipeline.log import LocalLog, MetricsObserver
from schemas.errors import SettingsError
from schemas.metrics import Metrics
from schemas.migrate import migrate
from schemas.settings import Settings
from schemas.store import ClickHouseStore, create_database, open_store
from schemas.telemetry import configure_logging, configure_sentry, log_loop_errors

SHUTDOWN_SECONDS: Final = 9.5
"""The promise is 10: a process that hangs beyond that is ended by itself. What follows adds up to less."""
OTLP_GRACE: Final = 2
GRPC_GRACE: Final = 1.0
QUERY_GRACE: Final = 1
KILL_INTERVAL: Final = 0.2
logger = logging.getLogger(__name__)


def run(settings: Settings, demo: bool = False) -> int:
    """Until SIGTERM or SIGINT; returns the exit code. Raises SettingsError, LogLockedError, StoreLockedError before anything listens."""
    check_exposure(settings)
    without_pandas()
    configure_logging(settings)
    configure_sentry(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _watchdog() as watchdog, _log(settings) as (log, metrics), _store(settings) as store:
        create_database(settings)
        migrate(store)
        code = asyncio.run(_serve(settings, demo, log, store, metrics, watchdog))
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


@contextlib.contextmanager
def _log(settings: Settings) -> Iterator[tuple[LocalLog, Metrics]]:
    metrics = Metrics(CollectorRegistry())
    log = LocalLog(
        settings.data_dir / "log",
        durability=settings.durability,
        segment_bytes=settings.log_segment_bytes,
        max_bytes=settings.log_max_bytes,
        min_free_bytes=settings.log_min_free_bytes,
        observer=MetricsObserver(metrics),
    )
    log.open()
    try:
        yield log, metrics
    finally:
        log.close()


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[ClickHouseStore]:
    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


async def _serve(settings: Settings, demo: bool, log: LocalLog, store: ClickHouseStore, metrics: Metrics, watchdog: threading.Timer) -> int:
    loop = asyncio.get_running_loop()
    log_loop_errors(loop)
    stop, failed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    hub = Hub(metrics)
    backups = Backups(store, settings)
    processing = Processing(log, store, hub, metrics, settings)
    processing.on_death = partial(_end_from_thread, loop, failed, stop)
    for topic, offsets in processing.committed().items():
        hub.start_at(topic, offsets)
    processing.start()
    token = settings.api_key.get_secret_value() or secrets.token_urlsafe(32)
    keeper = Doorkeeper(token)
    receiver = Receiver(log.writer(), settings, metrics)
    endpoints: dict[str, str] = {}
    app = create_app(
        store,
        hub,
        settings,
        token,
        {"pipeline": processing.check, "log": processing.backlog},
        metrics,
        Path(__file__).parent.parent / "console",
        keeper,
        {**operator_commands(store, processing.rebuild), **backups.commands()},
        endpoints,
    )
    try:
        async with _control(settings, app) as console, _sql(settings, store, metrics) as sql:
            async with _collectors(settings, receiver) as (otlp_http, otlp_grpc):
                endpoints |= {"otlp_http": otlp_http, "otlp_grpc": otlp_grpc}
                login = f"{console}/login?code={keeper.mint_code()}"
                info = RunInfo(
                    os.getpid(), console=console, otlp_http=otlp_http, otlp_grpc=otlp_grpc, sql=sql, login_url=login, token=token
                )
                RunFile(settings.data_dir).write(info)
                settle()
                _greet(info)
                fleet = _demo(otlp_http, settings.api_key.get_secret_value()) if demo else None
                await stop.wait()
                logger.info("stopping: finishing what was accepted")
                watchdog.start()
                RunFile(settings.data_dir).remove()
                _end(fleet)
            receiver.close()
            await asyncio.to_thread(processing.stop)
            await asyncio.to_thread(backups.stop)
            killing = asyncio.create_task(_kill_queries(store))
    except BaseException:  # a port that is taken, most often
        await asyncio.to_thread(processing.stop)
        raise
    killing.cancel()
    return 1 if failed.is_set() else 0


async def _kill_queries(store: ClickHouseStore) -> None:
    """People's queries while the servers end: they would hold them up, and the engine crashes when the process leaves under them."""
    while True:
        await asyncio.to_thread(store.kill_queries)
        await asyncio.sleep(KILL_INTERVAL)


def _end_from_thread(loop: asyncio.AbstractEventLoop, *events: asyncio.Event) -> None:
    for event in events:
        loop.call_soon_threadsafe(event.set)


@contextlib.asynccontextmanager
async def _control(settings: Settings, app: ASGIApp) -> AsyncIterator[str]:
    which = server(app, sockets=True, ping_interval=settings.websocket_ping_interval, grace=QUERY_GRACE)
    async with _listening("port", settings, settings.port, which) as address:
        yield address


@contextlib.asynccontextmanager
async def _sql(settings: Settings, store: ClickHouseStore, metrics: Metrics) -> AsyncIterator[str]:
    app = create_sql_app(store, settings, metrics)
    which = server(app, sockets=False, ping_interval=30, grace=QUERY_GRACE)
    async with _listening("sql_port", settings, settings.sql_port, which) as address:
        yield address


@contextlib.asynccontextmanager
async def _collectors(settings: Settings, receiver: Receiver) -> AsyncIterator[tuple[str, str]]:
    grpc = OtlpGrpc(receiver, settings)
    app = http_app(receiver, settings)
    which = server(app, sockets=False, ping_interval=30, grace=OTLP_GRACE)
    async with _listening("otlp_http_port", settings, settings.otlp_http_port, which) as address:
        bind("otlp_grpc_port", settings.host, settings.otlp_grpc_port).close()  # gRPC itself would write a line of its own
        port = await grpc.start()
        try:
            yield address, f"{address.rpartition(':')[0]}:{port}"
        finally:
            await grpc.stop(grace=GRPC_GRACE)


@contextlib.asynccontextmanager
async def _listening(setting: str, settings: Settings, port: int, which: Server) -> AsyncIterator[str]:
    """The server's address while the block runs; at its end requests in work are finished."""
    sock = bind(setting, settings.host, port)
    task = asyncio.create_task(which.serve(sockets=[sock]), name=setting)
    while not which.started and not task.done():  # noqa: ASYNC110  uvicorn tells nobody
        await asyncio.sleep(0.01)
    if task.done():
        await task
        raise SettingsError(setting, "the server did not start; the log above says why")
    try:
        yield url(sock, settings.host)
    finally:
        which.should_exit = True
        await task


def _greet(info: RunInfo) -> None:
    """On stdout, for people; everything else we say goes to the log on stderr."""
    lines = (
        "Mission Control is running.",
        f"  console    {info.login_url}  (works once; `mission-control login` gives another)",
        f"  OTLP       {info.otlp_http} (HTTP), {info.otlp_grpc} (gRPC)",
        f"  SQL        {info.sql}",
        "  connect an agent: export OTEL_EXPORTER_OTLP_ENDPOINT=" + info.otlp_http,
    )
    print("\n".join(lines), flush=True)


def _demo(endpoint: str, key: str) -> "subprocess.Popen[bytes]":
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={quote(f'Bearer {key}')}"} if key else {}
    return subprocess.Popen([sys.executable, "-m", "demo", "--endpoint", endpoint], env={**os.environ, **headers})


def _end(fleet: "subprocess.Popen[bytes] | None") -> None:
    if fleet is None:
        return
    fleet.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        fleet.wait(2)
    if fleet.poll() is None:
        fleet.kill()
