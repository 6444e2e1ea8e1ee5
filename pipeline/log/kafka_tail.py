"""Reading all of a topic without a group: everybody who follows it sees everything."""

import contextlib
import time
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_loop import LoopThread
from pipeline.log.kafka_outage import Outage, started, words
from pipeline.log.kafka_reader import ANSWER_SECONDS, LOOK_SECONDS, SLICE_SECONDS, record_of
from schemas.ports import Record

START_SECONDS: Final = 15.0


class KafkaTail:
    """From the topic's present end on, or from its oldest record. `poll` and `close` on one thread."""

    def __init__(self, loop: LoopThread, connection: KafkaConnection, topic: str, begin: Literal["end", "start"], outage: Outage) -> None:
        self._loop, self._connection, self._topic, self._begin, self._outage = loop, connection, topic, begin, outage
        self._heard = 0.0
        self._consumer: Any = None
        self._ends: dict[Any, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether its place is known: what comes from now on will be read."""
        return self._consumer is not None

    def poll(self, timeout: float) -> list[Record]:
        """What came within `timeout` seconds, in order per partition; nothing while the brokers are away."""
        try:
            if not self.is_open:
                self._loop.call(self._open(), START_SECONDS)
            found = self._loop.call(self._consumer.getmany(timeout_ms=int(timeout * 1000)), timeout + START_SECONDS)
            if found or time.monotonic() - self._heard > LOOK_SECONDS:
                self._listen(bool(found))
        except (KafkaError, TimeoutError, RuntimeError) as error:
            self._outage.away(self._topic, words(error))
            time.sleep(SLICE_SECONDS)
            return []
        return [record_of(self._topic, one) for own in found.values() for one in own]

    def _listen(self, has_heard: bool) -> None:
        """The library waits in silence for brokers that are away, so they are asked. Raises KafkaError, TimeoutError.

        Not where records came: the answer would wait behind the next fetch, which waits for more records, on the same connection.
        """
        if not has_heard:
            self._loop.call(self._consumer.end_offsets(list(self._ends)), ANSWER_SECONDS)
        self._heard = time.monotonic()
        self._outage.back(self._topic)

    def has_caught_up(self) -> bool:
        """Whether everything that was there when it connected has been polled."""
        try:
            return self.is_open and self._loop.call(self._is_past(), ANSWER_SECONDS)
        except (KafkaError, TimeoutError, RuntimeError):
            return False

    async def _is_past(self) -> bool:
        return all([await self._consumer.position(place) >= end for place, end in self._ends.items()])

    async def _open(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._connection.options(), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=250
        )
        await started(consumer, self._connection, consumer.stop)
        try:
            name = self._connection.topic(self._topic)
            await consumer._client._wait_on_metadata(name)  # there is no public way to learn of one topic
            places = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
            consumer.assign(places)
            self._ends = await consumer.end_offsets(places)
            edges = self._ends if self._begin == "end" else await consumer.beginning_offsets(places)
            for place, offset in edges.items():
                consumer.seek(place, offset)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(TimeoutError, KafkaError, RuntimeError):
                self._loop.call(consumer.stop(), ANSWER_SECONDS)
