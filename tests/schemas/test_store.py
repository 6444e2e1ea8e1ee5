"""The store on the real engine: one process at a time, calls from many threads, errors that say what to do."""

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from schemas.errors import StoreUnavailableError
from schemas.store import ClickHouseStore, StoreLockedError, is_retryable, open_embedded
from schemas.store_codes import RETRYABLE
from tests.schemas.store_contract import StoreContract

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
    second.communicate(timeout=120)
    first.communicate(timeout=120)
    third = opener(tmp_path)
    assert line_of(third).startswith("open")
    third.communicate(timeout=120)
    assert third.returncode == 0


def test_a_locked_store_is_not_opened_twice(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreLockedError, match="another process uses the store"):
            open_embedded(tmp_path, 1 << 30, 1 << 20)


class TestEmbedded(StoreContract):
    @pytest.fixture
    def open_another(self, store: ClickHouseStore) -> Callable[[], ClickHouseStore]:
        return lambda: ClickHouseStore(store._open_client)  # a second directory cannot be opened in one process


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
            leave.wait(120)

    worker, closer = threading.Thread(target=work), threading.Thread(target=own.close)
    worker.start()
    inside.wait(120)
    closer.start()
    closer.join(0.2)
    assert closer.is_alive()
    assert not released.is_set()
    with pytest.raises(StoreUnavailableError):
        own.query("SELECT 1")
    leave.set()
    worker.join(120)
    closer.join(120)
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


def test_codes_are_named_as_the_engine_names_them(store: ClickHouseStore) -> None:
    found = store.query(
        "SELECT c, errorCodeToName(c) AS name FROM (SELECT arrayJoin({codes:Array(UInt32)}) AS c)", {"codes": list(RETRYABLE)}
    )
    assert {row["c"]: row["name"] for row in found} == RETRYABLE
