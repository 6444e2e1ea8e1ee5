"""Every way of compressing, every way of getting it wrong, and bombs."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from backports import zstd

from collectors.errors import TooLargeError, UnsupportedError
from collectors.inflate import coding_of, inflate
from schemas.errors import MalformedRequestError

MEBIBYTE = 1024 * 1024


def raw_deflate(plain: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(plain) + stream.flush()


WAYS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate with header": ("deflate", zlib.compress),
    "deflate without": ("deflate", raw_deflate),
    "zstd": ("zstd", zstd.compress),
}
PLAINS = {
    "empty": b"",
    "short": b"hello",
    "long": random.Random(3).randbytes(700_000),
    "dense": b"a" * (3 * MEBIBYTE + 1),
    "exactly the limit": b"ab" * (4 * MEBIBYTE // 2),
}
every_way = pytest.mark.parametrize("way", WAYS)


@every_way
@pytest.mark.parametrize("plain", PLAINS)
def test_round_trip(way: str, plain: str) -> None:
    coding, compress = WAYS[way]
    assert inflate(coding, compress(PLAINS[plain]), 4 * MEBIBYTE) == PLAINS[plain]


@every_way
def test_one_byte_over_the_limit(way: str) -> None:
    coding, compress = WAYS[way]
    with pytest.raises(TooLargeError, match="larger than 999 bytes after decompression"):
        inflate(coding, compress(b"a" * 1000), 999)


@every_way
def test_bombs_take_no_memory(way: str) -> None:
    coding, compress = WAYS[way]
    bomb = compress(b"\0" * (96 * MEBIBYTE))
    tracemalloc.start()
    with pytest.raises(TooLargeError, match="after decompression"):
        inflate(coding, bomb, 8 * MEBIBYTE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * MEBIBYTE


@every_way
@pytest.mark.parametrize("kept", [1, 2, 5, 50, -1])
def test_cut_off_bodies(way: str, kept: int) -> None:
    coding, compress = WAYS[way]
    with pytest.raises(MalformedRequestError, match=r"cut off|is not"):
        inflate(coding, compress(random.Random(1).randbytes(5000))[:kept], MEBIBYTE)


@every_way
def test_other_bytes(way: str) -> None:
    coding, _ = WAYS[way]
    with pytest.raises(MalformedRequestError, match=rf"is not {coding}.*not at all"):
        inflate(coding, b"\x0a\x05 plain protobuf", MEBIBYTE)


@every_way
def test_random_bytes_never_crash(way: str) -> None:
    source, (coding, compress) = random.Random(7), WAYS[way]
    good = compress(b"some text that repeats, some text that repeats" * 20)
    for _ in range(500):
        broken = bytearray(good)
        for _ in range(source.randrange(1, 4)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        try:
            inflate(coding, bytes(broken), 64 * 1024)
        except (MalformedRequestError, TooLargeError):
            continue


@pytest.mark.parametrize("way", ["gzip", "zstd"])
def test_members_follow_each_other(way: str) -> None:
    coding, compress = WAYS[way]
    assert inflate(coding, compress(b"one ") + compress(b"") + compress(b"two"), 100) == b"one two"
    with pytest.raises(TooLargeError, match="after decompression"):
        inflate(coding, compress(b"a" * 60) * 2, 100)
    with pytest.raises(MalformedRequestError, match="more than 64"):
        inflate(coding, compress(b"") * 65, 100)


@pytest.mark.parametrize("way", ["gzip", "zstd"])
def test_rubbish_behind_the_last_member(way: str) -> None:
    coding, compress = WAYS[way]
    with pytest.raises(MalformedRequestError, match="is not"):
        inflate(coding, compress(b"one") + b"rubbish", 100)


@pytest.mark.parametrize(
    ("header", "coding"), [("", ""), ("identity", ""), ("GZIP ", "gzip"), ("x-gzip", "gzip"), ("deflate", "deflate"), ("zstd", "zstd")]
)
def test_coding_of(header: str, coding: str) -> None:
    assert coding_of(header) == coding


@pytest.mark.parametrize("header", ["br", "gzip, gzip", "snappy", "lz4"])
def test_unknown_codings(header: str) -> None:
    with pytest.raises(UnsupportedError, match="send gzip, deflate, zstd or none"):
        coding_of(header)
