"""Serves the console's files at `/`: only what a page needs, always revalidated, under a strict content policy."""

import hashlib
import mimetypes
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SERVED: Final = frozenset({".html", ".js", ".css", ".svg", ".png", ".ico", ".woff2", ".json", ".webmanifest", ".map"})
_HIDDEN: Final = frozenset({"package.json", "package-lock.json", "tsconfig.json", "node_modules"})
_POLICY: Final = "; ".join(
    (
        *("default-src 'self'", "img-src 'self' data:", "object-src 'none'", "base-uri 'none'"),
        *("form-action 'self'", "frame-ancestors 'none'"),
    )
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Console:
    """ASGI: what no route took. The page itself is no secret; without a session it says how to get one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1000, "reason": "WebSockets are at /ws"})
        return await self._respond(Request(scope))(scope, receive, send)

    def _respond(self, request: Request) -> Response:
        file = self._file(request.scope["path"]) if request.method in ("GET", "HEAD") else None
        if file is None:
            raise HTTPException(404, f"there is nothing at {request.scope['path']!a}")
        return _send_file(request, file)

    def _file(self, path: str) -> Path | None:
        """The file behind a path; None when there is none that may be seen."""
        parts = [part for part in path.split("/") if part] or ["index.html"]
        if any(part.startswith(".") or part in _HIDDEN or "\\" in part or "\0" in part for part in parts):
            return None
        file = self._directory.joinpath(*parts)
        if file.suffix not in _SERVED or not file.is_file() or not file.resolve().is_relative_to(self._directory):
            return None
        return file


def _send_file(request: Request, file: Path) -> Response:
    content = file.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(None, 304, headers)
    media_type = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0]
    return Response(content, 200, headers, media_type=media_type)


class PageHeaders:
    """Adds the policy to every answer, so that no text of ours is ever run as a foreign page wants."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        await self._app(scope, receive, add if scope["type"] == "http" else send)
