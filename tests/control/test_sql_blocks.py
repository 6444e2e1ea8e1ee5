"""Frames of `compress=1` and the first query of clickhouse-go, byte for byte; the driver itself runs in tests/dashboards."""

from collections.abc import Iterator

import lz4.block
import pytest
from clickhouse_cityhash.cityhash import CityHash128

from control.sql_blocks import empty_block, framed, hello, is_hello, varint
from schemas.store import ClickHouseStore
from tests.control.sql_fixtures import Endpoint, serving

HELLO = "SELECT displayName(), version(), revision(), timezone()"
VERSION = 54460


@pytest.fixture(scope="module")
def endpoint(store: ClickHouseStore) -> Iterator[Endpoint]:
    with serving(store) as running:
        yield running


def unframed(data: bytes) -> bytes:
    """What a client reads: checksum, method, sizes, LZ4."""
    raw = b""
    while data:
        size, raw_size = int.from_bytes(data[17:21], "little"), int.from_bytes(data[21:25], "little")
        body = data[16 : 16 + size]
        assert len(body) == size
        checksum = int.from_bytes(data[:8], "little") << 64 | int.from_bytes(data[8:16], "little")
        assert checksum == int(CityHash128(body))
        assert body[0] == 0x82
        raw += lz4.block.decompress(body[9:], uncompressed_size=raw_size)
        data = data[16 + size :]
    return raw


@pytest.mark.parametrize("raw", [b"", b"x", bytes(range(256)) * 9000])
def test_frames_hold_the_bytes(raw: bytes) -> None:
    assert unframed(framed(raw)) == raw


def test_a_reply_in_frames(endpoint: Endpoint) -> None:
    plain = endpoint.query("SELECT number FROM numbers(300000) FORMAT Native")
    reply = endpoint.query("SELECT number FROM numbers(300000) FORMAT Native", compress="1")
    assert "Content-Encoding" not in reply.headers
    assert unframed(reply.content) == plain.content
    assert len(reply.content) < len(plain.content)
    both = {"compress": "1", "enable_http_compression": "1"}
    assert unframed(endpoint.http.post("/", params=both, content="SELECT 1", headers={"accept-encoding": "gzip"}).content) == b"1\n"


def test_errors_come_without_frames(endpoint: Endpoint) -> None:
    assert endpoint.refusal("SELECT nope", compress="1")[2].startswith("Code: 47. DB::Exception: ")


def test_the_first_query_of_clickhouse_go(endpoint: Endpoint) -> None:
    reply = endpoint.query(HELLO, default_format="Native", client_protocol_version=str(VERSION))
    engine = endpoint.text("SELECT version()").strip()
    assert reply.content == hello("mission-control", engine, endpoint.text("SELECT timezone()").strip())
    assert reply.content.startswith(b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00")
    assert b"revision()\x06UInt32\x00\x00\x00\x00\x00" in reply.content


def test_other_clients_get_what_the_engine_says(endpoint: Endpoint) -> None:
    assert endpoint.text(HELLO).split("\t")[0] == "mission-control"
    assert endpoint.query(HELLO, default_format="Native", client_protocol_version="54405").content[:2] == b"\x04\x01"
    assert endpoint.text(f"{HELLO} FORMAT CSV", client_protocol_version=str(VERSION)).startswith('"mission-control"')
    assert not is_hello("SELECT 1", VERSION)
    assert endpoint.query("SELECT 1", client_protocol_version="x").status_code == 200


def test_numbers_of_variable_length() -> None:
    assert (varint(0), varint(127), varint(300)) == (b"\x00", b"\x7f", b"\xac\x02")
    assert empty_block([("a", "UInt8")]) == b"\x01\x00\x01a\x05UInt8"
