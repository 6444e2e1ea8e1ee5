"""Decompression that stops as soon as its output passes the limit, however small the input was."""

import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from collectors.errors import TooLargeError, UnsupportedError
from schemas.errors import MalformedRequestError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_STEP: Final = 1024 * 1024
_MOST_MEMBERS: Final = 64
"""Each costs a copy of what follows it, so a body of nothing but tiny members would take minutes."""
_ZSTD_WINDOW_LOG: Final = 26
"""64 MiB; what needs a larger window to be read is refused."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def feed(self, data: bytes) -> bytes:
        """The next output, at most _STEP bytes; `data` is empty when the last input is not used up."""
        ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def feed(self, data: bytes) -> bytes:
        return self._stream.decompress(data or self._stream.unconsumed_tail, _STEP)


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def feed(self, data: bytes) -> bytes:
        return self._stream.decompress(data, _STEP)


def _deflate(body: bytes) -> _Inflater:
    """HTTP's deflate is zlib's format; many senders leave its header away. A raw stream never starts like one."""
    has_header = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _Zlib(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


_INFLATERS: Final[dict[str, Callable[[bytes], _Inflater]]] = {
    "gzip": lambda _: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "zstd": lambda _: _Zstd(),
}


def coding_of(content_encoding: str) -> str:
    """`gzip`, `deflate`, `zstd`, or "" for none; raises UnsupportedError."""
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return ""
    if coding == "x-gzip":
        return "gzip"
    if coding not in _INFLATERS:
        raise UnsupportedError("Content-Encoding", content_encoding, "gzip, deflate, zstd or none")
    return coding


def inflate(coding: str, body: bytes, limit: int) -> bytes:
    """The plain body; raises TooLargeError beyond `limit` bytes, MalformedRequestError when it is not `coding`."""
    plain = bytearray()
    try:
        for _ in range(_MOST_MEMBERS):
            body = _member(_INFLATERS[coding](body), body, limit, plain)
            if not body:
                return bytes(plain)
    except (zlib.error, zstd.ZstdError) as error:
        hint = "it may be compressed otherwise, or not at all"
        raise MalformedRequestError(f"the body is not {coding}: {error}", hint) from error
    raise MalformedRequestError(f"the body has more than {_MOST_MEMBERS} {coding} members", "compress it as one")


def _member(inflater: _Inflater, body: bytes, limit: int, plain: bytearray) -> bytes:
    """Appends one gzip member or zstd frame to `plain`; returns what follows it."""
    piece = inflater.feed(body)
    while True:
        plain += piece
        if len(plain) > limit:
            raise TooLargeError(limit, "after decompression")
        if inflater.eof:
            return inflater.unused_data
        if not piece:
            raise MalformedRequestError("the compressed body is cut off", "it ends before its last block")
        piece = inflater.feed(b"")
