"""The engine behind ClickHouse's HTTP protocol, as far as a peer speaks it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.peers.shim import SCHEMA, Shim
from schemas.store import open_embedded

pytestmark = pytest.mark.slow


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[str]:
    store = open_embedded(tmp_path / "store", 2**30, 2**26, database="otel")
    store.command(SCHEMA.read_text(encoding="utf-8"))
    server = Shim(store, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()


def test_rows_are_inserted_whole_or_in_chunks(shim: str) -> None:
    query = {"query": "INSERT INTO otel_traces (TraceId,SpanName) FORMAT TSV"}
    with httpx.Client(base_url=shim) as client:
        assert client.post("/", params=query, content=b"a\tone\nb\ttwo\n").status_code == 200
        assert client.post("/", params=query, content=iter([b"c\tth", b"ree\n"])).status_code == 200
        assert client.get("/count").text == "3"


def test_the_collectors_client_is_answered_in_blocks(shim: str) -> None:
    """Its greeting as of the newest protocol, its other questions without what that adds."""
    options = {"default_format": "Native", "client_protocol_version": "54485"}
    with httpx.Client(base_url=shim) as client:
        hello = client.post("/", params=options, content=b"SELECT displayName(), version(), revision(), timezone()")
        assert b"revision()\x06UInt32" in hello.content
        columns = client.post("/", params=options, content=b'DESCRIBE TABLE "otel"."otel_traces"')
        assert b"SpanAttributes" in columns.content
        insert = {"query": 'INSERT INTO "otel"."otel_traces" (\n `TraceId`,\n "SpanName"\n) FORMAT TSV'}
        assert client.post("/", params=insert, content=b"a\tone\n").status_code == 200
        assert client.post("/", content=b"DROP TABLE otel_traces").status_code == 500
        assert client.get("/count").text == "1"


def test_anything_else_is_refused(shim: str) -> None:
    with httpx.Client(base_url=shim) as client:
        assert client.post("/", params={"query": "DROP TABLE otel_traces"}).status_code == 500
        assert client.get("/count").text == "0"
