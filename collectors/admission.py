"""How much the collectors take on at once: requests, and bytes that lie in memory for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from collectors.errors import OverloadedError


class Work:
    """One admitted request and the bytes it holds."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.held = 0

    def hold(self, size: int) -> None:
        """`size` more bytes lie in memory for this request; raises OverloadedError."""
        self.held += size
        self._admission.hold(size)


class Admission:
    """Used from the event loop only."""

    def __init__(self, requests: int, memory: int, in_work: Gauge) -> None:
        """At most `requests` at once, which together hold at most `memory` bytes."""
        self._most_requests = requests
        self._most_memory = memory
        self._requests = 0
        self._memory = 0
        self._in_work = in_work

    @contextmanager
    def enter(self) -> Iterator[Work]:
        """Raises OverloadedError when there is no room for another request."""
        if self._requests >= self._most_requests:
            raise OverloadedError(f"{self._requests} requests are in work (otlp_max_concurrent)")
        work = Work(self)
        self._requests += 1
        self._in_work.inc()
        try:
            yield work
        finally:
            self._requests -= 1
            self._in_work.dec()
            self._memory -= work.held

    def hold(self, size: int) -> None:
        self._memory += size
        if self._memory > self._most_memory:
            raise OverloadedError(f"requests in work hold {self._memory} bytes")
