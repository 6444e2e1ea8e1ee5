"""The durable log between collectors and processors."""

from pipeline.log.errors import LogLockedError
from pipeline.log.files import sync_filesystem
from pipeline.log.local import LocalLog
from pipeline.log.observer import LogObserver
from pipeline.log.reader import LocalReader
from pipeline.log.writer import LocalWriter

__all__ = ["LocalLog", "LocalReader", "LocalWriter", "LogLockedError", "LogObserver", "sync_filesystem"]
