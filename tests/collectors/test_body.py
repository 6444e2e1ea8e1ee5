"""Bodies that lie about their size, come slowly, or never end, over raw connections."""

import asyncio
import contextlib
import re

import pytest

from tests.collectors.conftest import Collect, Collector, spans_request

PROTOBUF = {"content-type": "application/x-protobuf"}
BODY = spans_request(3).SerializeToString()


async def exchange(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Everything that comes back after these pieces were sent over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    async with asyncio.timeout(120):
        answer = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answer)
        assert length
        answer += await reader.readexactly(int(length[1]))
    writer.close()
    return answer


def head(length: int | None, *lines: str) -> bytes:
    size = f"content-length: {length}" if length is not None else "transfer-encoding: chunked"
    return "\r\n".join(
        ["POST /v1/traces HTTP/1.1", "host: localhost", "content-type: application/x-protobuf", size, *lines, "", ""]
    ).encode()


async def test_a_body_that_does_not_come(collect: Collect) -> None:
    collector = await collect(otlp_request_timeout=0.2)
    answer = await exchange(collector.http_port, head(100), b"\x0a")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert collector.log.appended == []
    assert (await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)).status_code == 200


async def test_a_body_that_comes_in_drops(collector: Collector) -> None:
    answer = await exchange(collector.http_port, head(len(BODY)), *(BODY[at : at + 16] for at in range(0, len(BODY), 16)), pause=0.005)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert collector.log.appended[0].value == BODY


async def test_a_sender_that_leaves(collector: Collector) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", collector.http_port)
    writer.write(head(100) + b"\x0a")
    await writer.drain()
    writer.close()
    await collector.reaches(1, "otlp_requests_total", signal="spans", transport="http", outcome="sender_left")
    assert (collector.log.appended, collector.metric("otlp_requests_in_work")) == ([], 0)


async def test_a_stream_without_end(collect: Collect) -> None:
    collector = await collect(otlp_max_bytes=65536, otlp_request_timeout=5)
    chunk = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        await exchange(collector.http_port, head(None), *[chunk] * 50)
    await collector.reaches(1, "otlp_requests_total", signal="spans", transport="http", outcome="too_large")
    assert (await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)).status_code == 200


async def test_a_stream_that_is_too_large_is_answered_when_it_has_come(collect: Collect) -> None:
    collector = await collect(otlp_max_bytes=65536)
    chunk = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
    answer = await exchange(collector.http_port, head(None), *[chunk] * 4, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" not in answer.lower()


@pytest.mark.parametrize("line", ["expect: 100-continue", "x: y"])
async def test_too_large_by_its_own_word(collect: Collect, line: str) -> None:
    collector = await collect(otlp_max_bytes=65536)
    answer = await exchange(collector.http_port, head(10**9 if line == "x: y" else 100_000, line))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"by its Content-Length" in answer


async def test_too_large_and_slow(collect: Collect) -> None:
    collector = await collect(otlp_max_bytes=65536, otlp_request_timeout=0.1)
    answer = await exchange(collector.http_port, head(100_000), b"abc")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


async def test_memory_of_requests_in_work_is_bounded(collect: Collect) -> None:
    collector = await collect(otlp_max_bytes=65536)
    with collector.receiver.admission.enter() as other:
        other.hold(64 * 1024 * 1024 - 10)
        response = await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)
        assert response.status_code == 429
    assert (await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)).status_code == 200
