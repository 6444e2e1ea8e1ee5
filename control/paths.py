"""Ids in paths hold any character, slashes too: a slash that came as %2F is not a separator.

Servers decode a path before routing, so `/api/threads/a%2Fb` would look like `/api/threads/a/b`. The middleware keeps such
slashes apart as a character that no decoded UTF-8 contains; the convertor `id` turns them back.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH: Final = "\udc2f"
_ENCODED: Final = re.compile(rb"%2[fF]")


class EncodedSlashes:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or b""
        if b"%2f" in raw.lower():
            scope = {**scope, "path": _SLASH.join(unquote(part.decode("latin-1")) for part in _ENCODED.split(raw.partition(b"?")[0]))}
        await self._app(scope, receive, send)


class IdConvertor(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_string(self, value: str) -> str:
        return value.replace("/", _SLASH)


def register() -> None:
    """Make `{name:id}` known to routes; safe to repeat."""
    convertor: Convertor[Any] = IdConvertor()
    register_url_convertor("id", convertor)
