"""Appending with group commit: one thread writes what all callers handed over since its last write, and syncs once."""

import asyncio
import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import orjson

from pipeline.log.observer import LogObserver
from pipeline.log.partition import Partition, Written
from pipeline.log.topic import Topic
from schemas.errors import LogUnavailableError

GROUP_RECORDS = 4096
GROUP_BYTES = 16 * 1024 * 1024
FREE_SPACE_INTERVAL = 0.1

logger = logging.getLogger(__name__)

Outcome = tuple[int, int] | LogUnavailableError


@dataclass(slots=True, eq=False)
class Append:
    """One record on its way into the log."""

    topic: str
    headers: bytes
    value: bytes
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[tuple[int, int]]"

    @property
    def size(self) -> int:
        return len(self.headers) + len(self.value)


@dataclass(frozen=True, slots=True)
class Limits:
    """All in bytes: records that wait for the store, free space that must stay, records that wait for the disk."""

    max_bytes: int
    min_free_bytes: int
    pending_bytes: int


class FreeSpace:
    """Whether the disk has less than `minimum` free bytes; asks it at most every 100 ms. One thread only."""

    def __init__(self, directory: Path, minimum: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory, self._minimum, self._clock = directory, minimum, clock
        self._asked = float("-inf")
        self._short = False

    def is_short(self) -> bool:
        if self._minimum and self._clock() - self._asked >= FREE_SPACE_INTERVAL:
            state = os.statvfs(self._directory)
            self._short = state.f_bavail * state.f_frsize < self._minimum
            self._asked = self._clock()
        return self._short


class GroupWriter:
    """Owns the writing thread. `open_topic` makes the topic where there is none yet and may raise OSError."""

    def __init__(
        self,
        directory: Path,
        limits: Limits,
        open_topic: Callable[[str], Topic],
        backlog: Callable[[], int],
        observer: LogObserver,
    ) -> None:
        self._limits, self._open_topic, self._backlog, self._observer = limits, open_topic, backlog, observer
        self._free_space = FreeSpace(directory, limits.min_free_bytes)
        self._queue: SimpleQueue[Append | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._pending = 0
        self._closed = False
        self._turn = 0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, append: Append) -> None:
        """Raises LogUnavailableError."""
        with self._lock:
            refusal = self._refusal(append.size)
            if refusal is None:
                self._pending += append.size
                self._queue.put(append)
                return
        self._observer.refused(refusal[0])
        raise LogUnavailableError(refusal[1])

    def close(self) -> None:
        """Writes what was handed over, then stops. Blocks."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _refusal(self, size: int) -> tuple[str, str] | None:
        if self._closed:
            return "closed", "it is closed"
        if self._pending and self._pending + size > self._limits.pending_bytes:
            return "pending", f"{self._pending} bytes wait for the disk"
        backlog = self._backlog()
        if backlog and backlog + self._pending + size > self._limits.max_bytes:
            return "backlog", f"{backlog} bytes wait for the store"
        return None

    def _run(self) -> None:
        while group := self._gather():
            try:
                outcomes = self._write(group)
            except Exception as error:  # a thread that died would leave every sender without an answer
                logger.exception("the log's writer failed")
                outcomes = self._refuse(group, "io", repr(error))
            self._finish(group, outcomes)

    def _gather(self) -> list[Append]:
        """Wait for one record, take all others that are there. Empty: the writer was closed."""
        group: list[Append] = []
        size = 0
        while not group or (len(group) < GROUP_RECORDS and size < GROUP_BYTES and not self._queue.empty()):
            append = self._queue.get()
            if append is None:
                if group:
                    self._queue.put(None)
                break
            group.append(append)
            size += append.size
        return group

    def _write(self, group: list[Append]) -> dict[Append, Outcome]:
        started = time.perf_counter()
        try:
            short = self._free_space.is_short()
        except OSError as error:
            return self._refuse(group, "io", str(error))
        if short:
            return self._refuse(group, "free_space", "the disk is nearly full")
        by_topic: defaultdict[str, list[Append]] = defaultdict(list)
        for append in group:
            by_topic[append.topic].append(append)
        outcomes: dict[Append, Outcome] = {}
        started_writes = [self._start(name, appends, outcomes) for name, appends in by_topic.items()]
        for topic, partition, appends, written in filter(None, started_writes):
            self._complete(topic, partition, appends, written, outcomes)
            self._observer.appended(topic.name, time.perf_counter() - started)
        return outcomes

    def _start(
        self, name: str, appends: list[Append], outcomes: dict[Append, Outcome]
    ) -> tuple[Topic, Partition, list[Append], Written] | None:
        """A group goes into one partition of its topic, the next one into the next."""
        try:
            topic = self._open_topic(name)
            self._turn += 1
            partition = topic.partitions[self._turn % len(topic.partitions)]
            written = partition.write([(append.headers, append.value) for append in appends])
        except OSError as error:
            logger.warning("the log cannot write topic %s: %s", name, error)
            outcomes.update(self._refuse(appends, "io", str(error)))
            return None
        return topic, partition, appends, written

    def _complete(
        self, topic: Topic, partition: Partition, appends: list[Append], written: Written, outcomes: dict[Append, Outcome]
    ) -> None:
        try:
            partition.sync(written)
        except OSError as error:
            logger.error("the disk did not take records of topic %s: %s", topic.name, error)
            outcomes.update(self._refuse(appends, "io", str(error)))
            return
        topic.acknowledge(partition, written)
        for offset, append in enumerate(appends, written.first):
            outcomes[append] = (partition.number, offset)

    def _refuse(self, appends: Sequence[Append], kind: str, reason: str) -> dict[Append, Outcome]:
        for _ in appends:
            self._observer.refused(kind)
        return {append: LogUnavailableError(reason) for append in appends}

    def _finish(self, group: list[Append], outcomes: dict[Append, Outcome]) -> None:
        """One call into each event loop, however many of its futures are done."""
        with self._lock:
            self._pending -= sum(append.size for append in group)
        by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[tuple[int, int]], Outcome]]] = defaultdict(list)
        for append in group:
            by_loop[append.loop].append((append.future, outcomes[append]))
        for loop, futures in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, futures)
            except RuntimeError:
                logger.info("%d appends were done after their event loop was closed", len(futures))


def _resolve(futures: list[tuple["asyncio.Future[tuple[int, int]]", Outcome]]) -> None:
    for future, outcome in futures:
        if future.done():  # its caller was cancelled
            continue
        if isinstance(outcome, LogUnavailableError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


class LocalWriter:
    """A LogWriter; any number of event loops may use it."""

    def __init__(self, group_writer: GroupWriter) -> None:
        self._group_writer = group_writer

    async def append(self, topic: str, value: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[int, int]] = loop.create_future()
        self._group_writer.submit(Append(topic, orjson.dumps(dict(headers)), value, loop, future))
        return await future
