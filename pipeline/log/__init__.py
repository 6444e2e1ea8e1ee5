"""The durable log between collectors and processors."""

from pipeline.log.errors import LogLockedError
from pipeline.log.files import sync_filesystem
from pipeline.log.local import LocalLog
from pipeline.log.memory import MemoryLog
from pipeline.log.observer import LogObserver, MetricsObserver
from pipeline.log.port import STORE_GROUP, DurableLog, OwnedLog, PositionedReader
from pipeline.log.reader import LocalReader
from pipeline.log.writer import LocalWriter

__all__ = [
    "STORE_GROUP",
    "DurableLog",
    "LocalLog",
    "LocalReader",
    "LocalWriter",
    "LogLockedError",
    "LogObserver",
    "MemoryLog",
    "MetricsObserver",
    "OwnedLog",
    "PositionedReader",
    "sync_filesystem",
]
