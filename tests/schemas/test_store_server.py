"""A ClickHouse server as the store: the contract over HTTP, and what can happen to a server and on the way to it."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.errors import SettingsError, StoreUnavailableError
from schemas.migrate import everything
from schemas.migrate_verify import SCRATCH, verify
from schemas.settings import Settings, load_settings
from schemas.store import ClickHouseStore, ServerStore, is_retryable, open_store
from schemas.store_server import MOST_PARAMETER_BYTES, Server, fitting, server_of
from tests.clickhouse.clickhouse_server import FULL, READ_ONLY, TOO_MANY_PARTS, ClickHouse, clickhouse_in
from tests.schemas.store_contract import HOSTILE, StoreContract


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with clickhouse_in(tmp_path_factory.mktemp("clickhouse"), password="p@ss:word/") as running:
        yield running


@pytest.fixture
def store(server: ClickHouse) -> Iterator[ClickHouseStore]:
    with server.store(clickhouse_timeout=2) as opened:
        yield opened
    server.recover()


@pytest.mark.slow
class TestServer(StoreContract):
    @pytest.fixture
    def open_another(self, server: ClickHouse) -> Callable[[], ClickHouseStore]:
        return lambda: open_store(server.settings())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("code", {"code": READ_ONLY}),
        ("code", {"code": FULL}),
        ("code", {"code": TOO_MANY_PARTS}),
        ("code", {"code": 516}),
        ("status", {"status": 500}),
        ("status", {"status": 502}),
        ("status", {"status": 503}),
        ("drop", {}),
        ("lost", {}),
        ("hang", {}),
    ],
)
def test_what_passes_is_told_from_what_does_not(server: ClickHouse, store: ClickHouseStore, kind: str, fault: dict[str, int]) -> None:
    table = f"once_{time.time_ns()}"
    store.command(f"CREATE TABLE {table} (a UInt32) ENGINE = ReplacingMergeTree ORDER BY a")
    batch = pa.record_batch([pa.array([1], pa.uint32())], names=["a"])
    server.fail(kind, "INSERT INTO", **fault)
    with pytest.raises((DatabaseError, StoreUnavailableError)) as caught:
        store.insert(table, batch)
    assert is_retryable(caught.value)
    assert store.query("SELECT 1 AS one") == [{"one": 1}]
    server.recover()
    store.insert(table, batch)
    assert store.query(f"SELECT a FROM {table} FINAL") == [{"a": 1}]


@pytest.mark.slow
def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    server = ClickHouse(tmp_path).start()
    with server.store() as store:
        store.command("CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a")
        store.insert("kept", pa.record_batch([pa.array([1], pa.uint32())], names=["a"]))
        server.kill()
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                store.query("SELECT 1")
        server.start()
        assert store.query("SELECT a FROM kept") == [{"a": 1}]
    server.stop()


@pytest.mark.slow
def test_nothing_is_connected_before_the_first_call_and_a_server_that_is_away_can_be_left(tmp_path: Path) -> None:
    server = ClickHouse(tmp_path).start()
    server.stop()
    store = open_store(server.settings())
    with pytest.raises(StoreUnavailableError):
        store.query("SELECT 1")
    store.close()


@pytest.mark.slow
def test_close_kills_its_own_queries_only(server: ClickHouse) -> None:
    forever = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 SETTINGS max_threads = 1"
    ended: dict[str, int | None] = {}

    def work(name: str, which: ClickHouseStore) -> None:
        try:
            which.query(forever + f", timeout_before_checking_execution_speed = 0 -- {name}")
        except DatabaseError as error:
            ended[name] = error.code

    leaving, staying = open_store(server.settings()), open_store(server.settings())
    threads = [threading.Thread(target=work, args=(name, which)) for name, which in (("leaving", leaving), ("staying", staying))]
    for thread in threads:
        thread.start()
    while len(staying.query("SELECT 1 FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers(1%'")) < 2:
        time.sleep(0.02)
    leaving.close()
    threads[0].join(120)
    assert ended == {"leaving": 394}
    staying.kill_queries()
    threads[1].join(120)
    staying.close()
    assert ended == {"leaving": 394, "staying": 394}


@pytest.mark.slow
def test_close_gives_up_on_a_server_that_hangs(server: ClickHouse, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(server.settings(clickhouse_timeout=1))
    store.query("SELECT 1")
    server.fail("hang")

    def work() -> None:
        with pytest.raises(StoreUnavailableError):
            store.query("SELECT 2")

    worker = threading.Thread(target=work)
    worker.start()
    while not server.failures():
        time.sleep(0.01)
    store.close()
    assert "queries are left to the server" in caplog.text
    server.recover()
    worker.join(120)


@pytest.mark.slow
def test_a_wrong_password_is_the_operators_fault(server: ClickHouse) -> None:
    store = open_store(settings(server.url))
    with pytest.raises(DatabaseError) as caught:
        store.query("SELECT 1")
    assert caught.value.code == 516
    assert is_retryable(caught.value)
    store.close()


@pytest.mark.slow
def test_certificates_are_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    what = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *what, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    with clickhouse_in(tmp_path / "data", certificate=both) as server:
        with server.store(clickhouse_ca_file=certificate) as store:
            assert store.query("SELECT 1 AS one") == [{"one": 1}]
        stranger = open_store(server.settings())
        with pytest.raises(StoreUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.query("SELECT 1")
        stranger.close()


def settings(url: str, **more: object) -> Settings:
    return load_settings(clickhouse_url=url, **more)


def test_a_url_says_it_all() -> None:
    assert server_of(settings("https://anna:p%40ss@db.example:9443/mission_control")) == Server(
        "https", "db.example", 9443, "anna", "p@ss", insert_quorum="auto"
    )
    assert server_of(settings("http://db")) == Server("http", "db", 8123, "default", "", insert_quorum="auto")
    chosen = server_of(settings("https://anna:secret@[::1]", clickhouse_user="berta", clickhouse_password="own"))
    assert (chosen.host, chosen.port, chosen.user, chosen.password) == ("::1", 8443, "berta", "own")
    assert chosen.address == "https://::1:8443"


@pytest.mark.parametrize("url", ["db:8123", "tcp://db", "http://", "http://db:port", "http://db/other", "http://db?secure=1", "http://[db"])
def test_a_url_that_is_none_is_said_before_anything_listens(url: str) -> None:
    with pytest.raises(SettingsError, match="clickhouse_url"):
        open_store(settings(url))


def test_a_ca_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no file"):
        server_of(settings("https://db", clickhouse_ca_file=tmp_path / "none.pem"))


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "hidden" not in repr(settings("https://anna:hidden@db", clickhouse_password="hidden"))
    assert "hidden" not in repr(server_of(settings("https://anna:hidden@db")))


def test_on_a_cluster_inserts_wait_for_the_shards_and_most_replicas() -> None:
    wanted = server_of(settings("http://db", clickhouse_cluster="fleet")).settings("me")
    assert wanted["distributed_foreground_insert"] == "1"
    assert wanted["insert_quorum"] == "auto"
    alone = server_of(settings("http://db", clickhouse_cluster="fleet", clickhouse_insert_quorum="")).settings("me")
    assert "insert_quorum" not in alone
    assert "distributed_foreground_insert" not in server_of(settings("http://db")).settings("me")


def test_only_what_is_long_is_written_into_the_statement() -> None:
    sql = "SELECT {a:Array(String)}, {a:Array(String)}, {b:String}, {n:UInt8}"
    assert fitting(sql, {"a": [HOSTILE], "b": "x", "n": 1}) == (sql, {"a": [HOSTILE], "b": "x", "n": 1})
    rendered, short = fitting(sql, {"a": [[1], ["'"]] + [["x"]] * MOST_PARAMETER_BYTES, "b": "x", "n": 1})
    assert rendered.startswith("SELECT CAST([[1], ['\\''], ['x'],")
    assert rendered.count(" AS Array(String)), ") == 2
    assert short == {"b": "x", "n": 1}


def test_it_is_the_server_that_the_settings_choose() -> None:
    store = open_store(settings("http://127.0.0.1:1"))
    assert isinstance(store, ServerStore)
    store.close()


@pytest.mark.slow
def test_verify_tries_everything_and_leaves_nothing(server: ClickHouse, store: ClickHouseStore) -> None:
    tried = list(verify(server.settings()))
    assert [one for one in tried if one.problem] == []
    assert len(tried) > len(everything())
    assert store.query(f"SELECT name FROM system.databases WHERE name = '{SCRATCH}'") == []


@pytest.mark.slow
def test_verify_says_what_does_not_work(server: ClickHouse, store: ClickHouseStore) -> None:
    failed = [one for one in verify(server.settings(clickhouse_cluster="nowhere")) if one.problem]
    assert [one.what for one in failed] == ["drop what an earlier try left", "make a database"]
    server.fail("code", "CREATE OR REPLACE VIEW", code=48)
    failed = [one for one in verify(server.settings()) if one.problem]
    server.recover()
    assert {one.what.split()[0] for one in failed} == {"CREATE", "--", "an"}


@pytest.mark.slow
def test_verify_goes_no_further_than_a_server_that_is_too_old_or_away(server: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.migrate_verify.OLDEST", (99, 1))
    (only,) = verify(server.settings())
    assert "is older than 99.1" in only.problem
    (only,) = verify(settings("http://127.0.0.1:1"))
    assert only.what == "connect"
    assert "refused" in only.problem
