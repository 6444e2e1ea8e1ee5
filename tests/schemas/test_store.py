"""The store on the real engine: one process at a time, calls from many threads, errors that say what to do."""

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from schemas.errors import StoreUnavailableError
from schemas.store import ClickHouseStore, StoreLockedError, is_retryable, open_embedded

ROOT = Path(__file__).parents[2]
_OPEN = """
import sys
from pathlib import Path
from schemas.store import StoreLockedError, open_embedded
try:
    store = open_embedded(Path(sys.argv[1]), 1 << 30, 1 << 20)
except StoreLockedError as error:
    print("locked", error.path == Path(sys.argv[1]), error)
else:
    print("open", (Path(sys.argv[1]) / "inserts" / "left").exists(), store.query("SELECT currentDatabase() AS d")[0]["d"], flush=True)
    sys.stdin.read()
    store.close()
"""


def opener(directory: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _OPEN, str(directory)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.slow
def test_one_process_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "inserts").mkdir()
    (tmp_path / "inserts" / "left").write_text("by a killed process")
    first = opener(tmp_path)
    assert line_of(first) == "open False mission_control\n"
    second = opener(tmp_path)
    assert line_of(second).startswith("locked True another process uses the store")
    second.communicate(timeout=60)
    first.communicate(timeout=60)
    third = opener(tmp_path)
    assert line_of(third).startswith("open")
    third.communicate(timeout=60)
    assert third.returncode == 0


def test_a_locked_store_is_not_opened_twice(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreLockedError, match="another process uses the store"):
            open_embedded(tmp_path, 1 << 30, 1 << 20)


@pytest.fixture
def numbers(store: ClickHouseStore) -> str:
    table = f"numbers_{time.time_ns()}"
    store.command(f"CREATE TABLE {table} (a UInt32, b String DEFAULT 'none', c Nullable(Int8)) ENGINE = MergeTree ORDER BY a")
    return table


def test_columns_go_by_name(store: ClickHouseStore, numbers: str) -> None:
    store.insert(numbers, pa.record_batch([pa.array([5], pa.int8()), pa.array([1], pa.uint32())], names=["c", "a"]))
    store.insert(numbers, pa.record_batch([pa.array(["x"]), pa.array([2], pa.uint32())], names=["b", "a"]))
    assert store.query(f"SELECT * FROM {numbers} ORDER BY a") == [{"a": 1, "b": "none", "c": 5}, {"a": 2, "b": "x", "c": None}]
    assert store.arrow(f"SELECT a FROM {numbers} WHERE a > {{least:UInt32}}", {"least": 1}).to_pylist() == [{"a": 2}]
    assert store.raw(f"SELECT a, b FROM {numbers} ORDER BY a", "CSV", settings={"max_threads": "1"}) == b'1,"none"\n2,"x"\n'
    assert store.query(f"SELECT count() AS n FROM {numbers}", settings={"max_rows_to_read": "10"}) == [{"n": 2}]


def test_what_is_refused_leaves_the_next_call_alone(store: ClickHouseStore, numbers: str) -> None:
    for _ in range(3):
        with pytest.raises(DatabaseError):
            store.insert(numbers, pa.record_batch([pa.array([1])], names=["no such column"]))
        with pytest.raises(DatabaseError):
            store.query("SELECT number, throwIf(number = 100000) FROM numbers(200000)")
        with pytest.raises(DatabaseError):
            store.raw("SELECT", "JSON")
        assert store.query("SELECT 7 AS seven") == [{"seven": 7}]


def test_many_threads_at_once(store: ClickHouseStore, numbers: str) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            store.insert(numbers, pa.record_batch([pa.array([number * 10 + turn], pa.uint32())], names=["a"]))
            seen.append(store.query("SELECT {n:UInt32} AS n", {"n": number})[0]["n"] == number)

    seen: list[bool] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [True] * 30
    assert store.query(f"SELECT uniqExact(a) AS n FROM {numbers}") == [{"n": 30}]


class Handle:
    """What the store asks of a client that it lets go of."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_close_waits_for_calls_and_refuses_new_ones() -> None:
    handle, released = Handle(), threading.Event()
    own = ClickHouseStore(lambda: handle, released.set)  # type: ignore[arg-type, return-value]  # all of a client that it needs
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with own.client():
            inside.set()
            leave.wait(20)

    worker, closer = threading.Thread(target=work), threading.Thread(target=own.close)
    worker.start()
    inside.wait(20)
    closer.start()
    closer.join(0.2)
    assert closer.is_alive()
    assert not released.is_set()
    with pytest.raises(StoreUnavailableError):
        own.query("SELECT 1")
    leave.set()
    worker.join(20)
    closer.join(20)
    assert handle.closed
    assert released.is_set()


def test_a_client_that_cannot_be_opened_is_no_client() -> None:
    def fail() -> None:
        raise OSError("no engine")

    own = ClickHouseStore(fail)  # type: ignore[arg-type]  # it never returns
    for _ in range(2):
        with pytest.raises(OSError, match="no engine"):
            own.command("SELECT 1")
    own.close()


def database_error(code: int | None) -> DatabaseError:
    error = DatabaseError("refused")
    error.code = code
    return error


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (database_error(241), True),
        (database_error(243), True),
        (database_error(252), True),
        (database_error(53), False),
        (database_error(None), False),
        (OperationalError("connection lost"), True),
        (StoreUnavailableError("closed"), True),
        (OSError("disk"), True),
        (ValueError("never"), False),
        (TypeError("never"), False),
    ],
)
def test_what_may_succeed_later(error: Exception, retry: bool) -> None:
    assert is_retryable(error) is retry
