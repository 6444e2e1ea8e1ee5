"""The only opener of ClickHouse: the embedded engine in this process, or a server over HTTP, through one client library."""

import contextlib
import fcntl
import io
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from schemas.errors import MissionControlError, StoreUnavailableError

DATABASE: Final = "mission_control"

CLOSE_SECONDS: Final = 0.7
"""What running calls get to end by themselves, and again after they were killed."""
logger = logging.getLogger(__name__)

_INSERT_SETTINGS: Final = {
    "async_insert": "0",  # its default is 1 in this engine; an acknowledged insert must be in a part
    "max_partitions_per_insert_block": "0",
    "max_threads": "1",  # small batches gain nothing from more, and pay for them
    "input_format_parallel_parsing": "0",
}
Parameters = Mapping[str, Any]


class StoreLockedError(MissionControlError):
    """Another process has the embedded store open."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"another process uses the store in {path}; stop it or choose another data directory")
        self.path = path


class Store(Protocol):
    """What the rooms ask of ClickHouse. Safe to call from any thread; every call blocks."""

    def query(self, sql: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Rows of a SELECT as dictionaries. `{name:Type}` in the SQL is bound by the server.

        Raises clickhouse_connect's DatabaseError for what ClickHouse refuses.
        """
        ...

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """The same as one Arrow table, for many rows."""
        ...

    def raw(self, sql: str, fmt: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> bytes:
        """The reply in one of ClickHouse's formats, untouched."""
        ...

    def command(self, sql: str, parameters: Parameters | None = None) -> None:
        """DDL, INSERT … SELECT, ALTER: whatever returns nothing."""
        ...

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        """Insert all rows or raise; columns go by name."""
        ...

    def close(self) -> None:
        """Wait a moment for running calls, then let go of the engine."""
        ...


class ClickHouseStore:
    """A pool of clients: each serves one call at a time, because a handle serialises its calls anyway."""

    def __init__(self, open_client: Callable[[], Client], release: Callable[[], None] = lambda: None) -> None:
        """`release` is called once all clients are closed."""
        self._open_client, self._release = open_client, release
        self._idle: list[Client] = []
        self._lock = threading.Condition()
        self._busy = 0
        self._closed = False

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """One client for one call. Raises StoreUnavailableError after close."""
        with self._lock:
            if self._closed:
                raise StoreUnavailableError("it is closed")
            self._busy += 1
            client = self._idle.pop() if self._idle else None
        try:
            client = client or self._open_client()
            yield client
        except BaseException:
            client = _emptied(client)
            raise
        finally:
            with self._lock:
                self._busy -= 1
                if client is not None:
                    self._idle.append(client)
                self._lock.notify_all()

    def query(self, sql: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        with self.client() as client:
            result = client.query(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        with self.client() as client:
            return client.query_arrow(sql, parameters=dict(parameters or {}), use_strings=True)

    def raw(self, sql: str, fmt: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> bytes:
        with self.client() as client:
            return client.raw_query(sql, parameters=dict(parameters or {}), settings=dict(settings or {}), fmt=fmt)

    def command(self, sql: str, parameters: Parameters | None = None) -> None:
        with self.client() as client:
            client.command(sql, parameters=dict(parameters or {}))

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        block = io.BytesIO()
        with pa.ipc.new_stream(block, batch.schema) as writer:
            writer.write_batch(batch)
        with self.client() as client:
            client.raw_insert(
                table, column_names=batch.schema.names, insert_block=block.getvalue(), fmt="ArrowStream", settings=_INSERT_SETTINGS
            )

    def kill_queries(self) -> None:
        """Stop whatever SELECT runs; its caller gets a DatabaseError (394)."""
        self.command("KILL QUERY WHERE query_kind = 'Select' ASYNC")

    def close(self) -> None:
        """Calls that do not end by themselves are killed; those that survive even that (logged) keep the engine open."""
        if not self._wait_until_idle(CLOSE_SECONDS):
            with contextlib.closing(self._open_client()) as killer:
                killer.command("KILL QUERY WHERE 1 ASYNC")
            if not self._wait_until_idle(CLOSE_SECONDS):
                logger.warning("the store is left while calls run")
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()
        self._release()

    def _wait_until_idle(self, seconds: float) -> bool:
        """Takes no more calls."""
        with self._lock:
            self._closed = True
            return self._lock.wait_for(lambda: self._busy == 0, seconds)


def _emptied(client: Client | None) -> Client | None:
    """The client without what its failed call left behind; None when it is of no use any more.

    The embedded engine keeps the output of a query that failed half-way and puts it in front of the next reply of the
    same handle, which may be anybody's.
    """
    try:
        if client is not None:
            client.raw_query("SELECT 1")
    except ClickHouseError:
        return None
    return client


def open_embedded(directory: Path, memory_bytes: int, cache_bytes: int, database: str = DATABASE) -> ClickHouseStore:
    """The engine in this process, with its data under `directory`; creates the database.

    Raises StoreLockedError when another process has it open.
    """
    directory.mkdir(parents=True, exist_ok=True)
    release = _lock(directory)
    _use_scratch(directory / "inserts")
    options = {
        "max_server_memory_usage": memory_bytes,
        "mark_cache_size": cache_bytes,
        "uncompressed_cache_size": 0,
        "index_mark_cache_size": cache_bytes // 4,
    }

    def connect(name: str | None) -> Client:
        return clickhouse_connect.get_client(
            interface="chdb",
            path=os.fspath(directory / "chdb"),
            database=name,
            chdb_options=options,
        )

    first = connect(None)
    first.command(f"CREATE DATABASE IF NOT EXISTS {database}")
    first.close()
    return ClickHouseStore(lambda: connect(database), release)


def _use_scratch(directory: Path) -> None:
    """The client writes a file for each insert first, and leaves it there on kill -9: let that be beside the data, and clean it."""
    directory.mkdir(exist_ok=True)
    for left_over in directory.iterdir():
        left_over.unlink()
    tempfile.tempdir = os.fspath(directory)


def _lock(directory: Path) -> Callable[[], None]:
    """Held until what is returned is called, or the process ends: the engine's own refusal does not say that this is the reason."""
    file = open(directory / "lock", "w")  # noqa: SIM115  stays open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreLockedError(directory) from error
    return file.close


def is_retryable(error: Exception) -> bool:
    """Whether the same insert may succeed later: memory, disk, connection; everything else will fail again."""
    if isinstance(error, DatabaseError):
        return error.code in _RETRYABLE_CODES or (error.code is None and isinstance(error, OperationalError))
    return isinstance(error, StoreUnavailableError | OSError | ClickHouseError)


_RETRYABLE_CODES: Final = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        164,  # READONLY
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        394,  # QUERY_WAS_CANCELLED
        76,  # CANNOT_OPEN_FILE
        75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
        74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
        236,  # ABORTED
    }
)

__all__: Sequence[str] = ("DATABASE", "ClickHouseStore", "DatabaseError", "Store", "StoreLockedError", "is_retryable", "open_embedded")
