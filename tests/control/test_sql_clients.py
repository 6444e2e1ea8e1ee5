"""Real clients of ClickHouse against the SQL endpoint."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, ProgrammingError

from schemas.store import ClickHouseStore
from tests.control.sql_fixtures import THREADS, Endpoint, fill, serving

PROJECT = "sql-clients"
OURS = f"FROM threads WHERE project = '{PROJECT}'"


@pytest.fixture(scope="module")
def endpoint(store: ClickHouseStore) -> Iterator[Endpoint]:
    fill(store, PROJECT)
    with serving(store) as running:
        yield running


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Iterator[Client]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=endpoint.port) as connected:
        yield connected


def test_the_handshake(client: Client, endpoint: Endpoint) -> None:
    assert int((client.server_version or "").split(".")[0]) >= 26
    assert client.ping()
    with clickhouse_connect.get_client(host="127.0.0.1", port=endpoint.port, database="mission_control", username="default") as named:
        assert named.command("SELECT count() FROM threads WHERE project = 'sql-clients'") == THREADS


def test_rows(client: Client) -> None:
    result = client.query(f"SELECT thread_id, started_at, tags, input_tokens {OURS} ORDER BY thread_id LIMIT 2")
    assert result.column_names == ("thread_id", "started_at", "tags", "input_tokens")
    first, second = result.result_rows
    assert (first[0], first[2], second[3]) == ("t00", [], 10)
    assert first[1].replace(tzinfo=UTC) == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_parameters(client: Client) -> None:
    sql = f"SELECT count() {OURS} AND name = {{name:String}} AND input_tokens IN {{tokens:Array(UInt64)}} AND user_input = {{said:String}}"
    values = {"name": "agent 1", "tokens": [10, 60, 61], "said": "hallo 'Welt'"}
    assert client.query(sql, parameters=values).first_item == {"count()": 2}
    assert client.query("SELECT %(x)s AS x", parameters={"x": "it's"}).first_item == {"x": "it's"}
    assert client.query("SELECT {t:DateTime64(3)} AS t", parameters={"t": datetime(2026, 1, 2, 3, 4, 5)}).first_item


def test_no_rows_keep_their_columns(client: Client) -> None:
    result = client.query("SELECT thread_id, attributes FROM threads WHERE 0")
    assert result.column_names == ("thread_id", "attributes")
    assert result.result_rows == []
    assert client.query("SELECT thread_id FROM threads LIMIT 0").column_names == ("thread_id",)


def test_frames_and_arrow(client: Client) -> None:
    frame = client.query_df(f"SELECT thread_id, input_tokens {OURS} ORDER BY thread_id")
    assert frame["input_tokens"].sum() == 10 * THREADS * (THREADS - 1) // 2
    table = client.query_arrow(f"SELECT thread_id, input_tokens {OURS}")
    assert table.num_rows == THREADS


def test_streams(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(200000)") as blocks:
        assert sum(len(block) for block in blocks) == 200_000


def test_raw_and_command(client: Client) -> None:
    assert client.raw_query("SELECT 1 AS x", fmt="JSONEachRow") == b'{"x":1}\n'
    assert "threads" in str(client.command("SHOW TABLES"))
    assert client.command("EXISTS TABLE threads") == 1


def test_settings_of_a_query(client: Client) -> None:
    assert client.query("SELECT 1", settings={"max_threads": 1, "wait_end_of_query": 1}).first_row == (1,)
    with pytest.raises(ProgrammingError, match="readonly"):
        client.query("SELECT 1", settings={"final": 1})


def test_writing_is_refused(client: Client, endpoint: Endpoint) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.command("DROP TABLE threads")
    assert caught.value.code == 164
    with clickhouse_connect.get_client(host="127.0.0.1", port=endpoint.port, compress=False) as plain:
        with pytest.raises(DatabaseError) as caught:
            plain.insert("threads", [["x"]], column_names=["thread_id"])
        assert caught.value.code == 164
    with pytest.raises(DatabaseError, match="only reads"):
        client.insert("threads", [["x"]], column_names=["thread_id"])
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT * FROM spans")
    assert (caught.value.code, caught.value.name) == (60, "UNKNOWN_TABLE")


def test_a_password(store: ClickHouseStore) -> None:
    with serving(store, api_key="key-1") as running:
        with clickhouse_connect.get_client(host="127.0.0.1", port=running.port, password="key-1") as known:
            assert known.command("SELECT 1") == 1
        with pytest.raises(DatabaseError, match="516"):
            clickhouse_connect.get_client(host="127.0.0.1", port=running.port, password="key-2")


def _curl(*arguments: str) -> str:
    return subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], check=True, capture_output=True, text=True).stdout


def test_curl(endpoint: Endpoint) -> None:
    url = f"http://127.0.0.1:{endpoint.port}/"
    assert _curl(f"{url}?query=SELECT+1") == "1\n"
    assert _curl(url, "--data-binary", f"SELECT count() {OURS} FORMAT CSV") == f"{THREADS}\n"
    assert _curl(url, "-d", "SELECT 1", "-u", "default:") == "1\n"
    assert _curl(url, "-d", "SELECT 1", "-H", "Transfer-Encoding: chunked") == "1\n"
    assert _curl(f"{url}?param_a=5&enable_http_compression=1", "--compressed", "-d", "SELECT {a:UInt8}, repeat('x', 3)") == "5\txxx\n"
    assert _curl(url, "-d", "DROP TABLE threads").startswith("Code: 164. DB::Exception: ")
    assert _curl("-o", "/dev/null", "-w", "%{http_code}", url, "-d", "SELECT * FROM spans") == "404"
