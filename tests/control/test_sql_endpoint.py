"""The SQL endpoint over real sockets: the protocol, its refusals, its limits."""

import base64
import gzip
import json
import select
import socket
import time
import zlib
from collections.abc import Callable, Iterator

import httpx
import pyarrow.parquet
import pytest
import zstandard

from control.sql_endpoint import create_sql_app
from schemas.errors import StoreUnavailableError
from schemas.settings import load_settings
from schemas.store import ClickHouseStore, Store
from tests.control.sql_fixtures import THREADS, Endpoint, fill, serving

PROJECT = "sql-endpoint"
OURS = f"FROM threads WHERE project = '{PROJECT}'"


@pytest.fixture(scope="module")
def endpoint(store: ClickHouseStore) -> Iterator[Endpoint]:
    fill(store, PROJECT)
    with serving(store) as running:
        yield running


def test_pings(endpoint: Endpoint) -> None:
    for path in ("/ping", "/replicas_status", "/"):
        assert endpoint.http.get(path).text == "Ok.\n"
    missing = endpoint.http.get("/play")
    assert (missing.status_code, missing.text[:27]) == (404, "There is no handle /play\n\nU")


def test_a_query_by_get(endpoint: Endpoint) -> None:
    response = endpoint.http.get("/", params={"query": "SELECT 1 AS x", "default_format": "JSONEachRow"})
    assert response.json() == {"x": 1}


def test_url_and_body_are_one_text(endpoint: Endpoint) -> None:
    assert endpoint.text(f"count() {OURS}", query="SELECT") == f"{THREADS}\n"
    assert endpoint.text("SELECT 2") == "2\n"
    assert endpoint.http.post("/", params={"query": "SELECT 3"}).text == "3\n"


def test_headers_of_a_reply(endpoint: Endpoint) -> None:
    headers = endpoint.query("SELECT 1 FORMAT JSON", query_id="my-own:1").headers
    assert headers["content-type"] == "application/json; charset=UTF-8"
    assert headers["x-clickhouse-format"] == "JSON"
    assert headers["x-clickhouse-query-id"] == "my-own:1"
    assert headers["x-clickhouse-server-display-name"] == "mission-control"
    assert headers["x-clickhouse-timezone"]
    assert json.loads(headers["x-clickhouse-summary"])["result_bytes"] != "0"
    assert len(endpoint.query("SELECT 1", query_id="bad\nid").headers["x-clickhouse-query-id"]) == 36


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("JSON", "application/json; charset=UTF-8"),
        ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
        ("CSV", "text/csv; charset=UTF-8; header=absent"),
        ("CSVWithNames", "text/csv; charset=UTF-8; header=present"),
        ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
        ("PrettyCompact", "text/plain; charset=UTF-8"),
        ("Parquet", "application/octet-stream"),
        ("Arrow", "application/octet-stream"),
        ("Native", "application/octet-stream"),
        ("RowBinaryWithNamesAndTypes", "application/octet-stream"),
        ("XML", "application/xml; charset=UTF-8"),
        ("Markdown", "text/markdown; charset=UTF-8"),
    ],
)
def test_formats(endpoint: Endpoint, name: str, kind: str) -> None:
    for response in (
        endpoint.query(f"SELECT thread_id {OURS} FORMAT {name}"),
        endpoint.query(f"SELECT thread_id {OURS}", default_format=name),
        endpoint.http.post("/", content=f"SELECT thread_id {OURS}", headers={"X-ClickHouse-Format": name}),
    ):
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == kind
        assert b"t07" in response.content or name in ("Parquet", "Arrow")


def test_parquet_is_parquet(endpoint: Endpoint) -> None:
    data = endpoint.query(f"SELECT thread_id, started_at {OURS} ORDER BY 1 FORMAT Parquet").content
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    assert table.num_rows == THREADS


def test_no_rows(endpoint: Endpoint) -> None:
    empty = "SELECT thread_id, input_tokens FROM threads WHERE 0"
    document = json.loads(endpoint.text(f"{empty} FORMAT JSON"))
    assert [column["name"] for column in document["meta"]] == ["thread_id", "input_tokens"]
    assert document["data"] == []
    assert endpoint.text(f"{empty} FORMAT CSVWithNames") == '"thread_id","input_tokens"\n'
    assert endpoint.query(empty).content == b""
    native = endpoint.query(f"{empty} FORMAT Native").content
    assert native == b"\x02\x00\x09thread_id\x06String\x0cinput_tokens\x06UInt64"
    assert endpoint.query(f"SELECT 1 AS `{'x' * 200}` WHERE 0 FORMAT Native").content[:4] == b"\x01\x00\xc8\x01"


def test_parameters(endpoint: Endpoint) -> None:
    sql = f"SELECT thread_id {OURS} AND thread_id = {{id:String}} AND input_tokens IN {{n:Array(UInt64)}}"
    assert endpoint.text(sql, param_id="t03", param_n="[30,40]", param_unused="100%") == "t03\n"
    assert endpoint.text("SELECT {s:String}, 'a%20(b)s'", param_s="a\\tb\\'c%") == "a\\tb\\'c%\ta%20(b)s\n"
    assert endpoint.text("SELECT {s:Nullable(String)} IS NULL", param_s="\\N") == "1\n"
    assert endpoint.refusal("SELECT {s:String}")[:2] == (400, 456)
    assert endpoint.refusal("SELECT {s:UInt8}", param_s="x")[0] == 400


def test_describe_tells_what_columns_mean(endpoint: Endpoint) -> None:
    described = json.loads(endpoint.text("DESCRIBE TABLE mission_control.threads FORMAT JSON"))
    assert [column["name"] for column in described["meta"]][:5] == ["name", "type", "default_type", "default_expression", "comment"]
    assert [row["name"] for row in described["data"]][:2] == ["project", "thread_id"]
    assert all(row["type"] and row["comment"] for row in described["data"])
    assert endpoint.text("DESC threads").count("\n") == len(described["data"])
    assert "DESCRIBE threads" in endpoint.refusal("SHOW COLUMNS FROM threads")[2]


def test_shape_of_errors(endpoint: Endpoint) -> None:
    status, code, text = endpoint.refusal("SELECT * FROM nothing")
    assert (status, code) == (404, 60)
    assert text.startswith("Code: 60. DB::Exception: ")
    assert text.endswith("(UNKNOWN_TABLE)\n")
    assert endpoint.refusal("SELEC 1")[:2] == (400, 62)
    assert endpoint.refusal("SELECT 1 +")[:2] == (400, 62)
    assert "failed at position 15 (threads)" in endpoint.refusal("SELECT * FORM threads")[2]
    assert endpoint.refusal("SELECT no_such_column FROM threads")[:2] == (400, 47)
    assert endpoint.refusal("SELECT noSuchFunction(1)")[:2] == (404, 46)
    assert endpoint.refusal("SELECT 1 FORMAT NoSuchFormat")[:2] == (400, 73)
    assert endpoint.refusal("SELECT 1", default_format="a b")[:2] == (400, 73)
    assert endpoint.refusal("INSERT INTO threads VALUES (1)")[:2] == (403, 164)
    assert endpoint.refusal("SELECT 1", database="system")[:2] == (404, 81)
    assert endpoint.text("SELECT 1", database="default") == "1\n"


def test_what_does_not_come_as_text(endpoint: Endpoint) -> None:
    assert endpoint.http.post("/", content=b"SELECT '\xff'").status_code == 400
    assert endpoint.http.post("/", content=b"SELECT 1" + b" " * 300_000).status_code == 400
    rows = endpoint.http.post("/", content=b"INSERT INTO threads FORMAT TSV\n" + b"x" * 300_000)
    assert rows.headers["X-ClickHouse-Exception-Code"] == "164"
    assert endpoint.refusal("\x00\x01", query="INSERT INTO threads FORMAT Native")[:2] == (403, 164)
    assert endpoint.http.post("/", content=b"x", headers={"content-type": "multipart/form-data; boundary=x"}).status_code == 501
    assert endpoint.refusal("SELECT 1", decompress="1")[:2] == (501, 48)


def test_settings(endpoint: Endpoint) -> None:
    transport = {"wait_end_of_query": "1", "session_id": "x", "readonly": "0", "send_progress_in_http_headers": "1", "compress": "0"}
    assert endpoint.text("SELECT 1", **transport) == "1\n"
    assert endpoint.text("SELECT toHour(toDateTime(0))", session_timezone="Asia/Tokyo") == "9\n"
    assert endpoint.text("SELECT toHour(toDateTime(0)) SETTINGS session_timezone = 'Asia/Tokyo'") == "9\n"
    assert endpoint.text("SELECT toHour(toDateTime(0), 'UTC')") == "0\n"
    assert endpoint.refusal("SELECT 1", additional_table_filters="{}")[:2] == (403, 164)
    assert endpoint.refusal("SELECT 1", max_threads="x'")[0] == 400
    assert endpoint.refusal("SELECT 1", max_result_rows="many")[:2] == (400, 72)


def test_limits(store: ClickHouseStore) -> None:
    with serving(store, sql_max_rows=1000, query_timeout=0.3, query_memory_bytes=64 << 20) as endpoint:
        assert endpoint.refusal("SELECT number FROM numbers(1001)")[:2] == (400, 396)
        assert endpoint.refusal("SELECT number FROM numbers(1001) SETTINGS max_result_rows = 100000")[:2] == (400, 396)
        assert endpoint.refusal("SELECT number FROM numbers(11)", max_result_rows="10")[:2] == (400, 396)
        for sql in (
            "SELECT number FROM numbers(1001) UNION ALL SELECT 1",
            "SELECT 1 UNION DISTINCT SELECT number FROM numbers(1001)",
            "(SELECT number FROM numbers(2000)) EXCEPT SELECT 1",
            "SELECT arrayJoin(range(1001))",
            "SELECT unnest(range(1001)), (SELECT 1 FROM numbers(1))",
            "WITH x AS (SELECT number FROM numbers(1001)) SELECT * FROM x",
        ):
            assert endpoint.refusal(sql, max_result_rows="0")[:2] == (400, 396), sql
        assert endpoint.refusal("SELECT count() FROM system.numbers")[:2] == (408, 159)
        assert endpoint.refusal("SELECT count() FROM system.numbers", max_execution_time="0.05")[:2] == (408, 159)
        assert endpoint.refusal("SELECT groupArray(number) FROM numbers(100000000)")[:2] == (507, 241)
        assert endpoint.text("SELECT 1") == "1\n"


def test_a_failed_query_leaves_nothing_in_the_next_reply(endpoint: Endpoint) -> None:
    """The embedded engine keeps what a query wrote before it failed; it must not come to somebody else."""
    for _ in range(3):
        failing = "SELECT number, throwIf(number = 500000) FROM numbers(1000000) FORMAT CSV SETTINGS max_block_size = 1000"
        assert endpoint.refusal(failing)[:2] == (400, 395)
        assert endpoint.text("SELECT 'clean'") == "clean\n"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_compression(endpoint: Endpoint, coding: str) -> None:
    query = "SELECT repeat('x', 5000)"
    response = endpoint.http.post(
        "/", content=query, params={"enable_http_compression": "1"}, headers={"accept-encoding": f"br;q=1.0, {coding};q=0.8"}
    )
    assert response.headers["content-encoding"] == coding
    assert len(response.text) == 5001
    plain = endpoint.http.post("/", content=query, headers={"accept-encoding": coding})
    assert "content-encoding" not in plain.headers
    small = endpoint.http.post("/", content="SELECT 1", params={"enable_http_compression": "1"}, headers={"accept-encoding": coding})
    assert "content-encoding" not in small.headers


def test_compressed_requests(endpoint: Endpoint) -> None:
    packed: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstandard.ZstdCompressor().compress,
        "identity": bytes,
    }
    for coding, pack in packed.items():
        response = endpoint.http.post("/", content=pack(b"SELECT 1"), headers={"content-encoding": coding})
        assert response.text == "1\n", response.text
    bomb = gzip.compress(b" " * 10_000_000)
    assert endpoint.http.post("/", content=bomb, headers={"content-encoding": "gzip"}).status_code == 400
    assert endpoint.http.post("/", content=b"no", headers={"content-encoding": "gzip"}).status_code == 500
    assert endpoint.http.post("/", content=b"no", headers={"content-encoding": "br"}).status_code == 501


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_without_a_key_the_default_user_is_welcome(endpoint: Endpoint) -> None:
    for headers in ({"Authorization": _basic("default", "")}, {"X-ClickHouse-User": "default"}, {"X-ClickHouse-Key": ""}):
        assert endpoint.http.post("/", content="SELECT 1", headers=headers).text == "1\n"
    assert endpoint.text("SELECT 1", user="default", password="") == "1\n"
    assert endpoint.refusal("SELECT 1", user="root")[:2] == (403, 516)
    assert endpoint.refusal("SELECT 1", user="default", password="x")[:2] == (403, 516)


def test_with_a_key(store: ClickHouseStore) -> None:
    with serving(store, api_key="key-1") as endpoint:
        good: list[dict[str, str]] = [
            {"Authorization": "Bearer key-1"},
            {"x-api-key": "key-1"},
            {"Authorization": _basic("default", "key-1")},
            {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "key-1"},
        ]
        for headers in good:
            assert endpoint.http.post("/", content="SELECT 1", headers=headers).text == "1\n"
        assert endpoint.text("SELECT 1", password="key-1") == "1\n"
        bad = [{}, {"Authorization": "Bearer key-2"}, {"Authorization": _basic("root", "key-1")}, {"Authorization": "Basic x"}]
        for headers in bad:
            response = endpoint.http.post("/", content="SELECT 1", headers=headers)
            assert response.status_code == 403
            assert response.headers["X-ClickHouse-Exception-Code"] == "516"
        assert endpoint.http.get("/ping").text == "Ok.\n"


def test_browsers_cannot_rebind(endpoint: Endpoint) -> None:
    for headers in ({"Host": "evil.example:8123"}, {"Origin": "https://evil.example"}):
        assert endpoint.http.get("/", params={"query": "SELECT 1"}, headers=headers).status_code == 403


SLOW = "SELECT count() FROM system.numbers WHERE sin(number) = 2"


def _running(store: Store) -> int:
    return int(
        store.query("SELECT count() AS n FROM system.processes WHERE query LIKE '%sin(number)%' AND query NOT LIKE '%LIKE%'")[0]["n"]
    )


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _asked(port: int) -> socket.socket:
    """A connection on which the slow query was sent, its reply not read."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(SLOW)}\r\n\r\n{SLOW}".encode())
    return connection


def test_a_client_that_goes_away_stops_its_query(store: ClickHouseStore) -> None:
    with serving(store, sql_concurrency=1, query_timeout=60) as endpoint:
        first = _asked(endpoint.port)
        _until(lambda: _running(store) == 1)
        waiting = _asked(endpoint.port)
        time.sleep(0.2)
        waiting.close()  # before its query began
        time.sleep(0.2)
        first.close()
        _until(lambda: _running(store) == 0)
        assert endpoint.text("SELECT 1") == "1\n"


def test_too_many_at_once(store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.sql_endpoint._WAITING_PER_WORKER", 1)
    with serving(store, sql_concurrency=1, query_timeout=60) as endpoint:
        running = _asked(endpoint.port)
        _until(lambda: _running(store) == 1)
        others = [_asked(endpoint.port) for _ in range(2)]
        [refused], _, _ = select.select(others, [], [], 20)  # one waits, the other is one too many
        reply = refused.recv(10_000).decode()
        assert reply.startswith("HTTP/1.1 503 ")
        assert "x-clickhouse-exception-code: 202\r\n" in reply.lower()
        assert "retry-after: 1\r\n" in reply.lower()
        for connection in (*others, running):
            connection.close()
        _until(lambda: _running(store) == 0)
        _until(lambda: endpoint.query("SELECT 1").status_code == 200)


def test_a_closed_store() -> None:
    closed = ClickHouseStore(lambda: (_ for _ in ()).throw(StoreUnavailableError("it is closed")))
    with serving(closed) as running:
        assert running.refusal("SELECT 1")[:2] == (503, 202)


async def test_without_metrics(store: ClickHouseStore) -> None:
    app = create_sql_app(store, load_settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        assert (await client.post("/", content="SELECT 1")).text == "1\n"


def test_metrics(store: ClickHouseStore) -> None:
    with serving(store) as endpoint:
        endpoint.query("SELECT 1")
        endpoint.query("SELECT * FROM spans")
        endpoint.query("SELECT x FROM threads")
        value = endpoint.metrics.registry.get_sample_value
        outcomes = {name: value("mission_control_sql_queries_total", {"outcome": name}) for name in ("ok", "refused", "error")}
        assert outcomes == {"ok": 1.0, "refused": 1.0, "error": 1.0}
        assert value("mission_control_sql_query_seconds_count") == 3.0
        assert value("mission_control_sql_queries_in_work") == 0.0
