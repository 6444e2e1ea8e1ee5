"""HTTP servers inside one event loop: sockets bound first, so a taken port is one clear line and port 0 is known."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from schemas.errors import SettingsError

HANG_UP_SECONDS: Final = 0.3


def _is_about_us(record: logging.LogRecord) -> bool:
    """uvicorn takes a WebSocket that got a plain answer (401, 403, 503) instead of an upgrade for one that got none."""
    return not record.getMessage().startswith("ASGI callable returned without completing handshake")


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hanging_up = asyncio.create_task(self._hang_up(), name="hang up")
        try:
            await super().shutdown(sockets)
        finally:
            hanging_up.cancel()

    async def _hang_up(self) -> None:
        """A TLS client that reads nothing now, as those with idle connections do, would not answer our goodbye either."""
        while True:
            await asyncio.sleep(HANG_UP_SECONDS)
            for connection in list(self.server_state.connections):
                if connection.transport.is_closing() and not connection.transport.get_write_buffer_size():
                    connection.transport.abort()


def bind(setting: str, host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingsError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on: 40 ms an answer
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise SettingsError(
            setting, f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port, 0 takes any free one"
        ) from error
    sock.setblocking(False)
    return sock


def server(app: ASGIApp, *, sockets: bool, ping_interval: float, grace: int, tls: ssl.SSLContext | None = None) -> Server:
    """`sockets`: whether it speaks WebSocket. `grace`: seconds that requests in work get when it ends. `tls`: None for plain HTTP."""
    if sockets:
        logging.getLogger("uvicorn.error").addFilter(_is_about_us)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="websockets-sansio" if sockets else "none",
        ws_ping_interval=ping_interval,
        ws_ping_timeout=ping_interval,
        timeout_graceful_shutdown=grace,
        timeout_keep_alive=75,
        server_header=False,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    return Server(config)


def url(sock: socket.socket, host: str, scheme: str) -> str:
    port = sock.getsockname()[1]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
