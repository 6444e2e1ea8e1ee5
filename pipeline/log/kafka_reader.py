"""Reading from Kafka as a member of a consumer group."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_loop import LoopThread
from pipeline.log.kafka_outage import Outage, started, words
from pipeline.log.port import Resume
from schemas.errors import LogUnavailableError
from schemas.ports import Record
from schemas.topics import RECEIVED_HEADER, SOURCE_HEADER

FETCH_BYTES: Final = 4 * 1024 * 1024
"""Of one partition at once: bounds what lies in memory beside the batch in work."""
SLICE_SECONDS: Final = 0.25
"""How long a poll waits before it looks whether it was woken."""
HAND_OVER_SECONDS: Final = 4.0
"""What a batch in work gets to be committed before its partitions go to another member."""
ANSWER_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 5.0
"""After so long a silence the brokers are asked whether they are there."""
SILENCE_SECONDS: Final = 1800
"""A processor that waits for the store does not poll, and keeps its partitions: nobody else could store them either."""
logger = logging.getLogger(__name__)


def record_of(topic: str, found: Any) -> Record:
    """What other programs put there lacks our headers: then it was received when Kafka took it."""
    headers = {name: value.decode(errors="replace") for name, value in found.headers}
    if RECEIVED_HEADER not in headers:
        headers = {RECEIVED_HEADER: str(found.timestamp * 1_000_000), SOURCE_HEADER: "kafka", **headers}
    return Record(topic, found.partition, found.offset, found.value or b"", headers)


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """A PositionedReader. Partitions come and go; what was polled and not committed by then comes again, here or elsewhere.

    State is touched on the loop's thread only; the public methods are called on one other.
    """

    def __init__(self, loop: LoopThread, connection: KafkaConnection, topic: str, group: str, outage: Outage) -> None:
        self._loop, self._connection, self._topic, self._group, self._outage = loop, connection, topic, group, outage
        self._heard = 0.0
        self._consumer: Any = None
        self._resume: Resume = lambda _, committed: committed
        self._waiting: deque[Any] = deque()
        self._new: set[int] = set()
        """Partitions that came and of which nobody said yet where to begin."""
        self._places: dict[int, int] = {}
        """Per partition of ours, what is committed."""
        self._lag = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._joining = threading.Lock()

    def begin(self, resume: Resume) -> None:
        self._resume = resume

    def poll(self, max_bytes: int, timeout: float) -> list[Record]:
        """Raises what `resume` raises."""
        deadline = time.monotonic() + timeout
        while not self._closed:
            try:
                self._settle()
                wait = min(max(deadline - time.monotonic(), 0), SLICE_SECONDS)
                found = self._loop.call(self._next(max_bytes, wait))
                if found or time.monotonic() - self._heard > LOOK_SECONDS:
                    self._listen(bool(found))
                if found:
                    return [record_of(self._topic, one) for one in found]
            except (KafkaError, TimeoutError) as error:
                self._complain(error)
            if time.monotonic() >= deadline:
                break
        return []

    def _complain(self, error: Exception) -> None:
        if not self._closed:
            self._outage.away(self._topic, words(error))
            time.sleep(SLICE_SECONDS)

    def _listen(self, has_heard: bool) -> None:
        """The library waits in silence for brokers that are away, so they are asked. Raises KafkaError, TimeoutError."""
        if not has_heard and self._consumer is not None:
            self._loop.call(self._consumer.end_offsets([self._partition(0)]), ANSWER_SECONDS)
        self._heard = time.monotonic()
        self._outage.back(self._topic)

    def _settle(self) -> None:
        """Join the group, and begin where the store says in partitions that are new to us. Raises KafkaError, TimeoutError."""
        with self._joining:
            if self._consumer is None and not self._closed:
                self._loop.call(self._start(), 10 * ANSWER_SECONDS)
        while self._new and not self._closed:
            for partition, committed in self._loop.call(self._arrivals(), ANSWER_SECONDS).items():
                self._loop.call(self._go(partition, self._resume(partition, committed)), ANSWER_SECONDS)

    async def _start(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            group_id=self._connection.group(self._group, self._topic),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=int(SLICE_SECONDS * 1000),
            max_poll_interval_ms=SILENCE_SECONDS * 1000,
            rebalance_timeout_ms=30_000,
            session_timeout_ms=10_000,
        )
        self._consumer = consumer
        consumer.subscribe([self._connection.topic(self._topic)], listener=self)
        await started(consumer, self._connection, self._given_up)

    async def _given_up(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._forget()
        await consumer.stop()

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002  all of them: the protocol is an eager one
        """Let the batch in work be committed: what is not comes twice, and costs its work again."""
        self._waiting.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), HAND_OVER_SECONDS)
        self._forget()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._forget()
        self._new = {found.partition for found in assigned}
        logger.info("partitions of this processor", extra={"topic": self._topic, "partitions": sorted(self._new)})
        self._consumer.pause(*assigned)

    def _forget(self) -> None:
        self._waiting.clear()
        self._new.clear()
        self._places.clear()

    def _partition(self, number: int) -> Any:
        return TopicPartition(self._connection.topic(self._topic), number)

    async def _arrivals(self) -> dict[int, int]:
        """New partitions with what is committed, the oldest record's offset where nothing is."""
        found = {}
        for number in sorted(self._new):
            partition = self._partition(number)
            starts = await self._consumer.beginning_offsets([partition])
            found[number] = max(await self._consumer.committed(partition) or 0, starts[partition])
        return found

    async def _go(self, number: int, offset: int) -> None:
        """It may have been taken from us meanwhile."""
        if number not in self._new:
            return
        partition = self._partition(number)
        starts = await self._consumer.beginning_offsets([partition])
        committed = max(await self._consumer.committed(partition) or 0, starts[partition])
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(partition, max(offset, starts[partition]))
            self._consumer.resume(partition)
            self._places[number] = committed
        self._new.discard(number)

    async def _next(self, max_bytes: int, wait: float) -> list[Any]:
        self._idle.set()
        if not self._waiting and (consumer := self._consumer) is not None:
            found = await consumer.getmany(timeout_ms=int(wait * 1000))
            self._waiting.extend(one for partition, own in found.items() if partition.partition in self._places for one in own)
        taken: list[Any] = []
        while self._waiting and (not taken or len(self._waiting[0].value or b"") <= max_bytes):
            taken.append(self._waiting.popleft())
            max_bytes -= len(taken[-1].value or b"")
        if taken:
            self._idle.clear()
        return taken

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Waits while the brokers are away. Raises ValueError for offsets that were never given; lower ones than before change nothing."""
        self._ready()
        committing = self._loop.submit(self._commit(dict(offsets)))
        while True:
            try:
                return committing.result(SLICE_SECONDS)
            except TimeoutError:
                if committing.done():
                    raise
                if self._closed:
                    committing.cancel()
                    logger.warning(
                        "not committed before the end, so it comes again", extra={"topic": self._topic, "offsets": dict(offsets)}
                    )
                    return None

    async def _commit(self, offsets: dict[int, int]) -> None:
        consumer = self._consumer
        wanted = {self._partition(number): offset for number, offset in offsets.items() if offset > self._places.get(number, 0)}
        try:
            for partition, offset in wanted.items():
                if partition.partition in self._places and offset > (consumer.highwater(partition) or 0):
                    await self._check_end(consumer, partition, offset)
            if wanted and consumer is not None:
                await consumer.commit(wanted)
                self._places.update(
                    {partition.partition: offset for partition, offset in wanted.items() if partition.partition in self._places}
                )
        except (CommitFailedError, IllegalStateError) as error:
            logger.info("partitions went to another processor before the commit", extra={"topic": self._topic, "error": str(error)})
        finally:
            self._idle.set()

    async def _check_end(self, consumer: Any, partition: Any, offset: int) -> None:
        end = (await consumer.end_offsets([partition]))[partition]
        if offset > end:
            raise ValueError(f"{self._topic}/{partition.partition}: offset {offset} is behind the end, {end}")

    def committed(self) -> dict[int, int]:
        """Of the partitions that are ours now."""
        self._ready()
        return dict(self._places)

    def lag(self) -> int:
        """Of the partitions that are ours now; the last answer while the brokers give none."""
        if self._consumer is None or self._closed:
            return self._lag
        with contextlib.suppress(KafkaError, TimeoutError, RuntimeError):
            self._lag = self._loop.call(self._measure(), ANSWER_SECONDS)
        return self._lag

    async def _measure(self) -> int:
        places = dict(self._places)
        if (consumer := self._consumer) is None:
            return self._lag
        ends = await consumer.end_offsets([self._partition(number) for number in places])
        return sum(end - places[partition.partition] for partition, end in ends.items())

    def seek(self, partition: int, offset: int) -> None:
        self._ready()
        self._loop.call(self._seek(partition, offset), ANSWER_SECONDS)

    async def _seek(self, number: int, offset: int) -> None:
        partition = self._partition(number)
        start = (await self._consumer.beginning_offsets([partition]))[partition]
        self._waiting = deque(one for one in self._waiting if one.partition != number)
        self._consumer.seek(partition, max(offset, start))

    def _ready(self) -> None:
        """Raises LogUnavailableError while no broker answers."""
        try:
            self._settle()
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailableError(f"Kafka: {error!r}") from error

    def wake(self) -> None:
        self._closed = True

    def close(self) -> None:
        """Leaves the group."""
        self.wake()
        with self._joining:
            consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(TimeoutError, KafkaError, RuntimeError):
                self._loop.call(consumer.stop(), HAND_OVER_SECONDS)
