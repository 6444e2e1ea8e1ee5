"""The only opener of ClickHouse: the embedded engine in this process, or a server over HTTP, through one client library."""

import contextlib
import io
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from schemas.errors import StoreUnavailableError
from schemas.settings import Settings
from schemas.store_codes import QUERY_LIMITS, RETRYABLE
from schemas.store_embedded import StoreLockedError, lock, use_scratch
from schemas.store_server import DATABASE, Server, fitting, server_of
from schemas.store_volumes import backups_below, nothing_goes_by_age, second_volume

CLOSE_SECONDS: Final = 0.7
"""What running calls get to end by themselves, and again after they were killed."""
logger = logging.getLogger(__name__)

_INSERT_SETTINGS: Final = {
    "async_insert": "0",  # its default is 1 in this engine; an acknowledged insert must be in a part
    "max_partitions_per_insert_block": "0",
    "optimize_on_insert": "0",  # equal keys within a block wait for merges as those of two blocks do; replacing them here costs as much as the insert
    "max_threads": "1",  # small batches gain nothing from more, and pay for them
    "input_format_parallel_parsing": "0",
}
Parameters = Mapping[str, Any]


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
    """The embedded engine through a pool of clients: each serves one call at a time, because a handle serialises its calls anyway."""

    _own_queries = "1"
    """The condition on `system.processes` that holds for our queries: here nobody else has any."""

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
            client = self._after_failure(client)
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
        """Stop whatever SELECT of ours runs; its caller gets a DatabaseError (394)."""
        self.command(f"KILL QUERY WHERE query_kind = 'Select' AND {self._own_queries} ASYNC")

    def close(self) -> None:
        """Calls that do not end by themselves are killed; those that survive even that (logged) keep the engine open."""
        if not self._wait_until_idle(CLOSE_SECONDS):
            self._kill_what_runs()
            if not self._wait_until_idle(CLOSE_SECONDS):
                logger.warning("the store is left while calls run")
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()
        self._release()

    def _after_failure(self, client: Client | None) -> Client | None:
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

    def _kill_what_runs(self) -> None:
        with contextlib.closing(self._open_client()) as killer:
            killer.command("KILL QUERY WHERE 1 ASYNC")

    def _wait_until_idle(self, seconds: float) -> bool:
        """Takes no more calls."""
        with self._lock:
            self._closed = True
            return self._lock.wait_for(lambda: self._busy == 0, seconds)


class ServerStore(ClickHouseStore):
    """A server over HTTP. Nothing is connected before the first call, and a server that comes back is used again."""

    def __init__(self, server: Server, database: str | None = DATABASE) -> None:
        self._server, self._database = server, database
        self._comment = f"mission-control-{uuid.uuid4()}"
        self._own_queries = f"Settings['log_comment'] = '{self._comment}'"
        self._connections = get_pool_manager(
            ca_cert=os.fspath(server.ca_file) if server.ca_file else None, verify=server.verify, maxsize=64
        )
        super().__init__(self._connect, self._connections.clear)

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """Raises StoreUnavailableError after close, and when what answered was not ClickHouse, or nothing did."""
        try:
            with super().client() as client:
                yield client
        except DatabaseError as error:
            if error.code is None and type(error) in (DatabaseError, OperationalError):
                raise StoreUnavailableError(str(error)) from error
            raise
        except HTTPError as error:
            raise StoreUnavailableError(f"{self._server.address}: {error}") from error

    def query(self, sql: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return super().query(*fitting(sql, parameters or {}), settings)

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        return super().arrow(*fitting(sql, parameters or {}))

    def raw(self, sql: str, fmt: str, parameters: Parameters | None = None, settings: Mapping[str, str] | None = None) -> bytes:
        sql, short = fitting(sql, parameters or {})
        return super().raw(sql, fmt, short, settings)

    def command(self, sql: str, parameters: Parameters | None = None) -> None:
        super().command(*fitting(sql, parameters or {}))

    def _connect(self) -> Client:
        server = self._server
        return clickhouse_connect.get_client(
            interface=server.scheme,
            host=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            database=self._database,
            pool_mgr=self._connections,
            connect_timeout=server.connect_timeout,
            send_receive_timeout=server.timeout,
            query_retries=0,  # a query that was killed must not begin again; who waits and tries again is the caller
            client_name="mission-control",
            autogenerate_session_id=False,  # a session would serialise calls, and bind them to one node behind a balancer
            settings=server.settings(self._comment),
        )

    def _after_failure(self, client: Client | None) -> Client | None:
        """A client of a server keeps nothing between calls, its connections are the pool's."""
        return client

    def _kill_what_runs(self) -> None:
        """What the server does not hear of ends by its own limits."""
        try:
            with contextlib.closing(self._connect()) as killer:
                killer.command(f"KILL QUERY WHERE {self._own_queries} ASYNC")
        except (ClickHouseError, HTTPError) as error:
            logger.warning("queries are left to the server", extra={"error": str(error)[:500]})


def open_store(settings: Settings) -> ClickHouseStore:
    """The store that the settings choose: the server of `clickhouse_url`, else the embedded engine under `data_dir`.

    A server need not be there yet, and its database is made by `create_database`; the embedded engine is started, its
    database made. Raises SettingsError, StoreLockedError.
    """
    if settings.clickhouse_url.get_secret_value():
        return ServerStore(server_of(settings))
    return open_embedded(
        settings.data_dir / "store",
        settings.store_memory_bytes,
        settings.store_cache_bytes,
        backups=settings.backups,
        warm=settings.store_warm_dir,
        forgets=settings.archive_days == 0,
    )


def create_database(settings: Settings) -> None:
    """On the server of `clickhouse_url`, on all nodes of its cluster; safe to repeat. The embedded engine's is there once it is open.

    Raises SettingsError, StoreUnavailableError, DatabaseError.
    """
    if not settings.clickhouse_url.get_secret_value():
        return
    server = server_of(settings)
    everywhere = f" ON CLUSTER '{server.cluster}'" if server.cluster else ""
    with contextlib.closing(ServerStore(server, database=None)) as store:
        store.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}{everywhere}")


def open_embedded(
    directory: Path,
    memory_bytes: int,
    cache_bytes: int,
    database: str = DATABASE,
    *,
    backups: Path | None = None,
    warm: Path | None = None,
    forgets: bool = False,
) -> ClickHouseStore:
    """The engine in this process, with its data under `directory`; creates the database.

    BACKUP and RESTORE work below `backups` only. `warm` is the slower volume that parts move to (`operations/tiers.py`). Rows that are
    too old are deleted by the engine itself if it `forgets`, else by whoever archives them (`operations/archive.py`).
    Raises StoreLockedError when another process has it open.
    """
    directory.mkdir(parents=True, exist_ok=True)
    release = lock(directory)
    use_scratch(directory / "inserts")
    options = {
        "max_server_memory_usage": memory_bytes,
        "mark_cache_size": cache_bytes,
        "uncompressed_cache_size": 0,
        "index_mark_cache_size": cache_bytes // 4,
        **backups_below(backups),
        **second_volume(warm),
        **({} if forgets else nothing_goes_by_age()),
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


def is_retryable(error: Exception) -> bool:
    """Whether the same call may succeed later; everything else will fail again."""
    if isinstance(error, DatabaseError):
        return error.code in RETRYABLE or (error.code is None and isinstance(error, OperationalError))
    return isinstance(error, StoreUnavailableError | OSError | ClickHouseError)


def is_away(error: Exception) -> bool:
    """Whether the store answers nobody, as opposed to this one query having asked for too much."""
    if isinstance(error, DatabaseError) and error.code is not None:
        return error.code in RETRYABLE and error.code not in QUERY_LIMITS
    return is_retryable(error)


__all__ = [
    "DATABASE",
    "ClickHouseStore",
    "DatabaseError",
    "ServerStore",
    "Store",
    "StoreLockedError",
    "create_database",
    "is_away",
    "is_retryable",
    "open_embedded",
    "open_store",
]
