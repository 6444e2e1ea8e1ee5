"""Gauges of the store that nobody counts as they change: memory, parts and bytes by table, looked at now and then."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Final

from mission_control.beside import beside
from schemas.errors import StoreUnavailableError
from schemas.metrics import Metrics
from schemas.store import DATABASE, DatabaseError, Store

INTERVAL: Final = 30.0
_MEMORY: Final = "SELECT toFloat64(value) AS bytes FROM system.metrics WHERE metric = 'MemoryTracking'"
_PARTS: Final = """SELECT table, toFloat64(sum(bytes_on_disk)) AS bytes, count() AS parts FROM system.parts
    WHERE active AND database = {database:String} GROUP BY table"""
logger = logging.getLogger(__name__)


class StoreFigures:
    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics

    def kept(self) -> AbstractAsyncContextManager[None]:
        """While the block runs."""
        return beside(self._run(), "store figures")

    def look(self) -> None:
        """Once. Raises DatabaseError, StoreUnavailableError."""
        for row in self._store.query(_MEMORY, {}):
            self._metrics.store_memory_bytes.set(row["bytes"])
        for row in self._store.query(_PARTS, {"database": DATABASE}):
            self._metrics.store_disk_bytes.labels(row["table"]).set(row["bytes"])
            self._metrics.store_parts.labels(row["table"]).set(row["parts"])

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.look)
            except (DatabaseError, StoreUnavailableError) as error:  # the gauges keep what they showed
                logger.debug("store figures not read", extra={"problem": str(error)[:500]})
            await asyncio.sleep(INTERVAL)
