"""Runs the statements of `control/queries/` on the store, off the event loop and within limits."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from control.errors import BusyError, StoreAwayError
from schemas.settings import Settings
from schemas.store import Store, is_away, is_retryable

Row = dict[str, Any]
WAITING_PER_WORKER: Final = 64
"""Queries that may wait for each worker; more get 503 at once instead of a long wait."""


def statement(text: str, given: Mapping[str, Any]) -> str:
    """The SQL without comments; a line that ends in `--? name` stays only where the parameter `name` is given."""
    return "\n".join(_lines(text, given))


def _lines(text: str, given: Mapping[str, Any]) -> Iterator[str]:
    for line in text.splitlines():
        sql, _, condition = line.partition("--")
        names = condition.removeprefix("? ").split() if condition.startswith("? ") else []
        if sql.strip() and all(name in given for name in names):
            yield sql.rstrip()


@cache
def _source(name: str) -> str:
    return (files("control") / "queries" / f"{name}.sql").read_text(encoding="utf-8")


class Reader:
    """`watch` is told (query name, seconds) after each query."""

    def __init__(self, store: Store, settings: Settings, watch: Callable[[str, float], None]) -> None:
        self._store = store
        self._watch = watch
        self._pool = ThreadPoolExecutor(settings.query_concurrency, "query")
        self._most_waiting = settings.query_concurrency * WAITING_PER_WORKER
        self._waiting = 0
        # A clause, because settings handed to the client cost it a look-up of several milliseconds per query.
        self._clause = (
            f"\nSETTINGS max_execution_time = {settings.query_timeout:g}, max_memory_usage = {settings.query_memory_bytes:d},"
            # One thread, and plain reads: small queries lose more to handing over than they gain.
            " max_threads = 1, local_filesystem_read_method = 'pread', date_time_output_format = 'iso',"
            " output_format_json_quote_64bit_integers = 0,"
            " output_format_json_quote_denormals = 0"
        )

    async def rows(self, name: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Rows of `queries/{name}.sql`; times are ISO-8601 text with nanoseconds, NaN is None.

        Parameters that are None count as not given. Raises BusyError when the store is over its limits.
        """
        given = {key: value for key, value in parameters.items() if value is not None}
        body = await self._run(name, statement(_source(name), given) + self._clause, given)
        return [orjson.loads(line) for line in body.splitlines()]

    async def first(self, name: str, parameters: Mapping[str, Any]) -> Row | None:
        found = await self.rows(name, parameters)
        return found[0] if found else None

    async def _run(self, name: str, sql: str, parameters: Mapping[str, Any]) -> bytes:
        if self._waiting >= self._most_waiting:
            raise BusyError(f"{self._waiting} queries wait already")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._raw, name, sql, parameters)
        finally:
            self._waiting -= 1

    def _raw(self, name: str, sql: str, parameters: Mapping[str, Any]) -> bytes:
        started = time.perf_counter()
        try:
            return self._store.raw(sql, "JSONEachRow", parameters)
        except Exception as error:
            if is_away(error):
                raise StoreAwayError("the store cannot be read now") from error
            if is_retryable(error):
                raise BusyError("the store is over its limits, or the query took too long") from error
            raise
        finally:
            self._watch(name, time.perf_counter() - started)

    def close(self) -> None:
        """Wait for running queries."""
        self._pool.shutdown(wait=True, cancel_futures=True)
