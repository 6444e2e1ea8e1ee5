"""The ports of a process: each a server for the time of a block, at whose end requests in work are finished."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.types import ASGIApp

from collectors.grpc import OtlpGrpc
from collectors.http import http_app
from collectors.receive import Receiver
from control.sql_endpoint import create_sql_app
from mission_control.servers import Server, bind, server, url
from schemas.errors import SettingsError
from schemas.metrics import Metrics
from schemas.settings import Settings
from schemas.store import ClickHouseStore

OTLP_GRACE: Final = 2
GRPC_GRACE: Final = 1.0
QUERY_GRACE: Final = 1


@contextlib.asynccontextmanager
async def control_door(settings: Settings, app: ASGIApp) -> AsyncIterator[str]:
    which = server(app, sockets=True, ping_interval=settings.websocket_ping_interval, grace=QUERY_GRACE)
    async with _listening("port", settings, settings.port, which) as address:
        yield address


@contextlib.asynccontextmanager
async def sql_door(settings: Settings, store: ClickHouseStore, metrics: Metrics) -> AsyncIterator[str]:
    app = create_sql_app(store, settings, metrics)
    which = server(app, sockets=False, ping_interval=30, grace=QUERY_GRACE)
    async with _listening("sql_port", settings, settings.sql_port, which) as address:
        yield address


@contextlib.asynccontextmanager
async def collector_doors(settings: Settings, receiver: Receiver) -> AsyncIterator[tuple[str, str]]:
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
