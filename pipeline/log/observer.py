"""What the log tells whoever counts. Called on the log's threads; must not block or raise."""

from collections.abc import Callable
from typing import Protocol

from schemas.metrics import Metrics


class LogObserver(Protocol):
    def opened(self, topic: str, disk_bytes: Callable[[], float], backlog_bytes: Callable[[], float]) -> None:
        """Once per topic; the functions may be called from any thread, as long as the log is open."""
        ...

    def appended(self, topic: str, seconds: float) -> None:
        """One group of records was written and synced in `seconds`."""
        ...

    def refused(self, reason: str) -> None:
        """One record was not taken; `reason` is one of `backlog`, `pending`, `free_space`, `io`, `closed`."""
        ...

    def damaged(self, topic: str, size: int) -> None:
        """Bytes of acknowledged records that cannot be read any more."""
        ...


class NoObserver:
    """For whoever does not count."""

    def opened(self, topic: str, disk_bytes: Callable[[], float], backlog_bytes: Callable[[], float]) -> None:
        pass

    def appended(self, topic: str, seconds: float) -> None:
        pass

    def refused(self, reason: str) -> None:
        pass

    def damaged(self, topic: str, size: int) -> None:
        pass


class MetricsObserver:
    """Counts for Prometheus."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def opened(self, topic: str, disk_bytes: Callable[[], float], backlog_bytes: Callable[[], float]) -> None:
        self._metrics.log_bytes.labels(topic).set_function(disk_bytes)
        self._metrics.log_backlog_bytes.labels(topic).set_function(backlog_bytes)

    def appended(self, topic: str, seconds: float) -> None:
        self._metrics.log_append_seconds.labels(topic).observe(seconds)

    def refused(self, reason: str) -> None:
        self._metrics.log_refused.labels(reason).inc()

    def damaged(self, topic: str, size: int) -> None:
        self._metrics.log_damaged_bytes.labels(topic).inc(size)
