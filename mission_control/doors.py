"""The ports of a process: each a server for the time of a block, at whose end requests in work are finished."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Final

from starlette.types import ASGIApp

from collectors.grpc import OtlpGrpc
from collectors.http import http_app
from collectors.receive import Receiver
from control.sql_endpoint import create_sql_app
from mission_control.certificates import Certificates, Door
from mission_control.servers import Server, bind, server, url
from schemas.errors import SettingsError
from schemas.metrics import Metrics
from schemas.settings import Settings
from schemas.store import ClickHouseStore

OTLP_GRACE: Final = 2
GRPC_GRACE: Final = 1.0
QUERY_GRACE: Final = 1


class Doors:
    """Of one process. `certificates` is None where they speak no TLS."""

    def __init__(self, settings: Settings, certificates: Certificates | None) -> None:
        self._settings, self._certificates = settings, certificates

    @property
    def certificate(self) -> str:
        """The absolute path of the file; empty without TLS."""
        file = self._settings.tls_cert_file
        return "" if self._certificates is None or file is None else str(file.absolute())

    @contextlib.asynccontextmanager
    async def control(self, app: ASGIApp) -> AsyncIterator[str]:
        """The first of all; while it is open, renewed certificates are taken over."""
        interval = self._settings.websocket_ping_interval
        which = server(app, sockets=True, ping_interval=interval, grace=QUERY_GRACE, tls=self._tls("control"))
        async with contextlib.AsyncExitStack() as stack:
            if self._certificates is not None:
                await stack.enter_async_context(self._certificates.watched())
            yield await stack.enter_async_context(self._listening("port", self._settings.port, which))

    @contextlib.asynccontextmanager
    async def sql(self, store: ClickHouseStore, metrics: Metrics) -> AsyncIterator[str]:
        app = create_sql_app(store, self._settings, metrics)
        which = server(app, sockets=False, ping_interval=30, grace=QUERY_GRACE, tls=self._tls("sql"))
        async with self._listening("sql_port", self._settings.sql_port, which) as address:
            yield address

    @contextlib.asynccontextmanager
    async def collector(self, receiver: Receiver) -> AsyncIterator[tuple[str, str]]:
        """OTLP over HTTP, and over gRPC."""
        settings = self._settings
        grpc = OtlpGrpc(receiver, settings, None if self._certificates is None else self._certificates.credentials("otlp"))
        app = http_app(receiver, settings)
        which = server(app, sockets=False, ping_interval=30, grace=OTLP_GRACE, tls=self._tls("otlp"))
        async with self._listening("otlp_http_port", settings.otlp_http_port, which) as address:
            bind("otlp_grpc_port", settings.host, settings.otlp_grpc_port).close()  # gRPC itself would write a line of its own
            port = await grpc.start()
            try:
                yield address, f"{address.rpartition(':')[0]}:{port}"
            finally:
                await grpc.stop(grace=GRPC_GRACE)

    def _tls(self, door: Door) -> ssl.SSLContext | None:
        return None if self._certificates is None else self._certificates.context(door)

    @contextlib.asynccontextmanager
    async def _listening(self, setting: str, port: int, which: Server) -> AsyncIterator[str]:
        """The server's address while the block runs; at its end requests in work are finished."""
        sock = bind(setting, self._settings.host, port)
        task = asyncio.create_task(which.serve(sockets=[sock]), name=setting)
        while not which.started and not task.done():  # noqa: ASYNC110  uvicorn tells nobody
            await asyncio.sleep(0.01)
        if task.done():
            await task
            raise SettingsError(setting, "the server did not start; the log above says why")
        try:
            yield url(sock, self._settings.host, "http" if self._certificates is None else "https")
        finally:
            which.should_exit = True
            await task
