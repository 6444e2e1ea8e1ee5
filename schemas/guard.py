"""Who may talk to our HTTP ports from a browser: pure ASGI, in front of every app.

A page on any web site can make its visitor's browser send requests to loopback addresses, and by DNS rebinding even read
the answers. Both show in `Host` or `Origin`, which pages cannot forge.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.settings import Settings

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Allowed:
    """`hosts` are names without ports, in lower case, IPv6 addresses in brackets; `origins` as browsers send them."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> "Allowed":
        hosts = {_bracketed(name.lower()) for name in (settings.host, *settings.allowed_hosts)}
        return cls(LOOPBACK | hosts, frozenset(origin.lower().rstrip("/") for origin in settings.cors_origins))


def _bracketed(name: str) -> str:
    return f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name


class HostGuard:
    """Answers 403 (problem+json) instead of passing on what carries a foreign Host or Origin; WebSockets too."""

    def __init__(self, app: ASGIApp, allowed: Allowed) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem(scope["headers"]) if scope["type"] in ("http", "websocket") else ""
        if not problem:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(send, problem, "http.response")
        elif "websocket.http.response" in scope.get("extensions", {}):
            await _refuse(send, problem, "websocket.http.response")
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": problem[:120]})

    def _problem(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Why these headers are refused; "" when they are not."""
        hosts, origins = [], []
        for name, value in headers:
            if name == b"host":
                hosts.append(value.decode("latin-1").lower())
            elif name == b"origin":
                origins.append(value.decode("latin-1").lower())
        if len(hosts) != 1:
            return f"The request has {len(hosts)} Host headers; it needs exactly one."
        if _host_name(hosts[0]) not in self._allowed.hosts:
            return f"Host {hosts[0]!r} is not one of ours; if it should be, add its name to allowed_hosts (MISSION_CONTROL_ALLOWED_HOSTS)."
        return "".join(self._origin_problem(origin, hosts[0]) for origin in origins)

    def _origin_problem(self, origin: str, host: str) -> str:
        if origin in self._allowed.origins or _authority(origin) == host:
            return ""
        return f"Origin {origin!r} may not use this port; if it should, add it to cors_origins (MISSION_CONTROL_CORS_ORIGINS)."


def _host_name(host: str) -> str:
    """`host` without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _authority(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else ""


async def _refuse(send: Send, problem: str, kind: str) -> None:
    body = orjson.dumps({"type": "about:blank", "title": "Forbidden", "status": 403, "detail": problem})
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{kind}.start", "status": 403, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
