"""Blocks of ClickHouse's own protocol: the framing of `compress=1`, and the block that clickhouse-go reads when it connects."""

import re
from collections.abc import Sequence
from typing import Final

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

_LZ4: Final = b"\x82"
_HEADER_BYTES: Final = 9
"""Method, size and raw size: what a frame's stated size counts beside the compressed bytes."""
_FRAME_BYTES: Final = 1 << 20
"""Raw bytes of one frame, as ClickHouse cuts them; clients hold one frame in memory at a time."""
_NO_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Not an overflow block, bucket -1, end."""
_CUSTOM_SERIALIZATION_FROM: Final = 54454
"""Protocol version from which every column of a block says whether it is serialized in another way."""
_HELLO: Final = re.compile(r"\s*SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)\s*;?\s*")


def framed(data: bytes) -> bytes:
    """The bytes in frames of LZ4, each behind the checksum that ClickHouse's clients verify."""
    return b"".join(_frame(data[start : start + _FRAME_BYTES]) for start in range(0, len(data), _FRAME_BYTES))


def _frame(raw: bytes) -> bytes:
    packed: bytes = lz4.block.compress(raw, store_size=False)
    body = _LZ4 + (len(packed) + _HEADER_BYTES).to_bytes(4, "little") + len(raw).to_bytes(4, "little") + packed
    checksum = int(CityHash128(body))  # its low half holds what ClickHouse calls the first half
    return (checksum >> 64).to_bytes(8, "little") + (checksum & (1 << 64) - 1).to_bytes(8, "little") + body


def is_hello(sql: str, protocol_version: int) -> bool:
    """Whether this is clickhouse-go's first query, whose reply it reads as a block of the newest protocol."""
    return protocol_version >= _CUSTOM_SERIALIZATION_FROM and _HELLO.fullmatch(sql) is not None


def hello(display_name: str, version: str, timezone: str) -> bytes:
    """The reply to it. It says revision 0: later replies may then be plain Native blocks, the only ones the engine makes."""
    columns = (
        ("displayName()", "String", text(display_name)),
        ("version()", "String", text(version)),
        ("revision()", "UInt32", bytes(4)),
        ("timezone()", "String", text(timezone)),
    )
    shape = varint(len(columns)) + varint(1)
    return _NO_BLOCK_INFO + shape + b"".join(text(name) + text(kind) + b"\x00" + value for name, kind, value in columns)


def empty_block(columns: Sequence[tuple[str, str]]) -> bytes:
    """A block of format Native without rows; `columns` are (name, type). Without it clients do not see the columns."""
    return varint(len(columns)) + varint(0) + b"".join(text(name) + text(kind) for name, kind in columns)


def text(value: str) -> bytes:
    encoded = value.encode()
    return varint(len(encoded)) + encoded


def varint(number: int) -> bytes:
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)
    return bytes(result)
