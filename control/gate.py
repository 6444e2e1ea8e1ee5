"""Lets only those into `/api` and `/ws` whom the doorkeeper knows: pure ASGI, so that WebSockets pass it too."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from control.auth import COOKIE, Doorkeeper
from control.errors import UnauthorizedError
from control.problems import problem_of

_GUARDED: Final = ("/api", "/ws")
UNAUTHORIZED_CLOSE: Final = 1008
KNOWN: Final = "mission_control.known"
"""Key of the ASGI scope that a WebSocket's own queries carry: it passed the gate already. Nobody outside can set it."""


class Gate:
    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not _is_guarded(scope["path"]):
            return await self._app(scope, receive, send)
        if scope.get(KNOWN) or is_known(self._doorkeeper, scope):
            return await self._app(scope, receive, send)
        error = UnauthorizedError("the request has no token" if not list(_given(scope)) else "the token is wrong")
        if scope["type"] == "http":
            return await problem_of(error)(scope, receive, send)
        return await _refuse_socket(error, scope, receive, send)


def _is_guarded(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in _GUARDED)


def is_known(doorkeeper: Doorkeeper, scope: Scope) -> bool:
    """By token in a header (or, for WebSockets, in the query), or by session cookie."""
    return any(doorkeeper.accepts(token) for token in _given(scope)) or doorkeeper.is_session(_cookie(scope))


def _given(scope: Scope) -> Iterator[str]:
    headers = Headers(scope=scope)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        yield token.strip()
    if "x-api-key" in headers:
        yield headers["x-api-key"]
    if scope["type"] == "websocket":  # browsers cannot set headers on WebSockets; in HTTP a token would lie in logs and histories
        yield from parse_qs(scope["query_string"].decode("latin-1")).get("token", [])


def _cookie(scope: Scope) -> str:
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")


async def _refuse_socket(error: UnauthorizedError, scope: Scope, receive: Receive, send: Send) -> None:
    """A plain 401 instead of the upgrade where the server can, else a close before it (which clients see as 403)."""
    response = problem_of(error)
    if "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": UNAUTHORIZED_CLOSE, "reason": "no valid token"})
