"""The body of one HTTP request as it comes over the wire: never more of it than allowed, never longer than allowed."""

import asyncio
from typing import Final

from starlette.types import Receive

from collectors.admission import Work
from collectors.errors import SlowSenderError, TooLargeError

_DRAINED_LIMITS: Final = 2
"""How many times the limit is read and thrown away of a body that is too large, before its connection closes."""


class SenderLeftError(Exception):
    """The connection closed before the body was complete; nobody is left to be answered."""


class Body:
    """Read at most once."""

    def __init__(self, receive: Receive, headers: dict[bytes, str], limit: int, timeout: float) -> None:
        """`limit` is in bytes, `timeout` in seconds for the whole body."""
        self._receive = receive
        self._length = int(headers.get(b"content-length", 0))
        self._waits = b"expect" in headers
        self._limit = limit
        self._timeout = timeout
        self._complete = False

    async def read(self, work: Work) -> bytes:
        """Raises TooLargeError, SlowSenderError, SenderLeftError, OverloadedError."""
        if self._length > self._limit:
            raise TooLargeError(self._limit, "by its Content-Length")
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(self._timeout):
                while not self._complete:
                    piece = await self._piece()
                    work.hold(len(piece))
                    if work.held > self._limit:
                        raise TooLargeError(self._limit, "before decompression")
                    pieces.append(piece)
        except TimeoutError:
            raise SlowSenderError(self._timeout) from None
        return b"".join(pieces)

    async def drain(self) -> bool:
        """Whether all of the body came by now: most senders read no answer before they have sent everything."""
        left = _DRAINED_LIMITS * self._limit
        if self._waits or self._length > left:
            return self._complete
        try:
            async with asyncio.timeout(self._timeout):
                while not self._complete and left > 0:
                    left -= len(await self._piece())
        except (TimeoutError, SenderLeftError):
            return False
        return self._complete

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise SenderLeftError
        self._complete = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece
