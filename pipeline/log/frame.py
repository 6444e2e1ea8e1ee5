"""One record as bytes in a segment file: head (28 bytes), headers (JSON), value.

    magic 4 | offset u64 | headers_length u32 | value_length u32 | crc32 of headers and value u32 | crc32 of the head so far u32

The head has a checksum of its own, so a flipped bit in a value costs that record alone, and so a reader that lost its
way in a damaged file finds the next record by the magic.
"""

import os
import struct
import zlib
from dataclasses import dataclass

MAGIC = b"\xd1MC1"
HEAD = struct.Struct("<4sQIII")
CHECK = struct.Struct("<I")
HEAD_BYTES = HEAD.size + CHECK.size
SEARCH_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    offset: int
    headers_length: int
    value_length: int
    crc: int

    @property
    def size(self) -> int:
        """Bytes of the whole record in the file."""
        return HEAD_BYTES + self.headers_length + self.value_length


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole record; `stop` is the file position after it."""

    offset: int
    headers: memoryview
    value: memoryview
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes from `start` to `stop` of a file that are no record."""

    start: int
    stop: int


def encode_head(offset: int, headers: bytes, value: bytes) -> bytes:
    head = HEAD.pack(MAGIC, offset, len(headers), len(value), zlib.crc32(value, zlib.crc32(headers)))
    return head + CHECK.pack(zlib.crc32(head))


def decode_head(block: memoryview | bytes, at: int) -> Head | None:
    """The head at `at`, or None where there is no intact one."""
    if len(block) - at < HEAD_BYTES:
        return None
    magic, offset, headers_length, value_length, crc = HEAD.unpack_from(block, at)
    if magic != MAGIC or CHECK.unpack_from(block, at + HEAD.size)[0] != zlib.crc32(block[at : at + HEAD.size]):
        return None
    return Head(offset, headers_length, value_length, crc)


def find_head(descriptor: int, start: int, limit: int) -> int:
    """File position of the first intact head in [start, limit), else `limit`."""
    while start < limit:
        block = os.pread(descriptor, min(SEARCH_BYTES, limit - start), start)
        at = block.find(MAGIC)
        while at >= 0 and len(block) - at >= HEAD_BYTES:
            if decode_head(block, at) is not None:
                return start + at
            at = block.find(MAGIC, at + 1)
        if len(block) < HEAD_BYTES or start + len(block) >= limit:
            return limit
        start += len(block) - HEAD_BYTES + 1
    return limit


def read_frames(descriptor: int, start: int, limit: int, max_bytes: int) -> list[Frame | Damage]:
    """What lies at file position `start`: about `max_bytes`, at least one item unless `start` is `limit`.

    Items follow each other without gaps. Bytes from `limit` on are not looked at. Raises OSError.
    """
    items: list[Frame | Damage] = []
    block = memoryview(os.pread(descriptor, max(min(max_bytes, limit - start), 0), start))
    at = 0
    while start + at < limit:
        head = decode_head(block, at)
        if head is None and len(block) - at < HEAD_BYTES <= limit - start - at:
            needed = HEAD_BYTES
        elif head is None or start + at + head.size > limit:
            items.append(Damage(start + at, find_head(descriptor, start + at + 1, limit)))
            return items
        elif at + head.size > len(block):
            needed = head.size
        else:
            items.append(_frame(block, at, start, head))
            at += head.size
            continue
        if items:
            return items
        block, start, at = memoryview(os.pread(descriptor, needed, start + at)), start + at, 0
        if len(block) < needed:  # the file is shorter than it was said to be
            return [Damage(start, limit)]
    return items


def _frame(block: memoryview, at: int, start: int, head: Head) -> Frame | Damage:
    stop = at + head.size
    body = at + HEAD_BYTES
    if zlib.crc32(block[body:stop]) != head.crc:
        return Damage(start + at, start + stop)
    split = body + head.headers_length
    return Frame(head.offset, block[body:split], block[split:stop], start + at, start + stop)
