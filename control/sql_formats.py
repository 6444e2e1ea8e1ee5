"""What goes around the engine's bytes: content types and compression."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import zstandard

from control.sql_errors import SqlRejectedError

TEXT: Final = "text/plain; charset=UTF-8"
_TYPES: Final = (
    (("JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow", "JSONCompactEachRow"), "application/x-ndjson; charset=UTF-8"),
    (("JSON", "GeoJSON", "PrettyJSON"), "application/json; charset=UTF-8"),
    (("CSV",), "text/csv; charset=UTF-8; header={header}"),
    (("TabSeparated", "TSV", "TSKV"), "text/tab-separated-values; charset=UTF-8"),
    (("XML",), "application/xml; charset=UTF-8"),
    (("Markdown", "MD"), "text/markdown; charset=UTF-8"),
    (("Pretty", "Vertical", "Values", "SQLInsert", "LineAs", "Raw", "Custom", "Prometheus", "Null", "Hash"), TEXT),
)
"""By how a format's name begins, the first that fits; everything else is bytes."""

_COMPRESSED_FROM: Final = 1024
"""Bytes below which compression gains nothing."""

ENCODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "zstd": lambda data: zstandard.ZstdCompressor(level=1).compress(data),
    "gzip": lambda data: gzip.compress(data, compresslevel=1),
    "deflate": lambda data: zlib.compress(data, level=1),
}


def content_type(name: str) -> str:
    for beginnings, value in _TYPES:
        if name.startswith(beginnings):
            return value.format(header="present" if "WithNames" in name else "absent")
    return "application/octet-stream"


def encoded(data: bytes, accepted: str) -> tuple[bytes, str]:
    """The bytes by the first of our encodings that `accepted` (Accept-Encoding) names, and its name; "" when none."""
    offered = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    name = next((name for name in ENCODERS if name in offered), "")
    if not name or len(data) < _COMPRESSED_FROM:
        return data, ""
    return ENCODERS[name](data), name


def decoded(data: bytes, encoding: str, limit: int) -> bytes:
    """A request's body without its Content-Encoding, at most `limit` bytes. Raises SqlRejectedError."""
    try:
        if encoding in ("", "identity"):
            result = data
        elif encoding in ("gzip", "deflate"):
            result = zlib.decompressobj(wbits=47).decompress(data, limit + 1)
        elif encoding == "zstd":
            with zstandard.ZstdDecompressor(max_window_size=1 << 23).stream_reader(data) as reader:
                result = reader.read(limit + 1)
        else:
            raise SqlRejectedError(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding} is not implemented here, where one only reads.")
    except (zlib.error, zstandard.ZstdError) as error:
        raise SqlRejectedError(354, "ZLIB_INFLATE_FAILED", f"The body is not {encoding}: {error}.") from error
    if len(result) > limit:
        raise SqlRejectedError(62, "SYNTAX_ERROR", f"Syntax error: the query is longer than {limit} bytes.")
    return result
