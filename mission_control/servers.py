"""HTTP servers inside one event loop: sockets bound first, so a taken port is one clear line and port 0 is known."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from schemas.errors import SettingsError


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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


def server(app: ASGIApp, *, sockets: bool, ping_interval: float, grace: int) -> Server:
    """`sockets`: whether it speaks WebSocket. `grace`: seconds that requests in work get when it ends."""
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
    )
    return Server(config)


def url(sock: socket.socket, host: str) -> str:
    port = sock.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
