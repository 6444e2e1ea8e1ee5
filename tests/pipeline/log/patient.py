"""Kafka for the contract suite, which asks a log for what is there now: here that takes a moment to come."""

import time
from collections.abc import Mapping
from typing import Any, Final

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_reader import KafkaReader
from pipeline.log.kafka_topics import TopicPlan, ensure_topics
from pipeline.log.port import STORE_GROUP
from schemas.ports import Record

PATIENCE: Final = 20.0


def connection_of(bootstrap: str, prefix: str) -> KafkaConnection:
    return KafkaConnection(bootstrap, prefix)


def open_kafka(bootstrap: str, prefix: str, partitions: int = 1, **options: Any) -> "PatientKafkaLog":
    """With its topics, on one broker."""
    connection = connection_of(bootstrap, prefix)
    ensure_topics(connection, TopicPlan(partitions, single_node=True))
    log = PatientKafkaLog(connection, **options)
    log.open()
    return log


class PatientReader(KafkaReader):
    """Polls until records come, unless it has read to the end that the brokers know."""

    ends: Mapping[int, int] = {}

    def poll(self, max_bytes: int, timeout: float) -> list[Record]:
        deadline = time.monotonic() + PATIENCE
        while True:
            records = super().poll(max_bytes, timeout)
            if records or self._closed or self._is_at_end() or time.monotonic() > deadline:
                return records

    def _is_at_end(self) -> bool:
        return bool(self._loop.call(self._compare()))

    async def _compare(self) -> bool:
        places = [self._partition(number) for number in self._places]
        ends = await self._consumer.end_offsets(places)
        return not self._waiting and all([await self._consumer.position(place) >= ends[place] for place in places])


class PatientKafkaLog(KafkaLog):
    def reader(self, topic: str, group: str = STORE_GROUP) -> PatientReader:
        reader = PatientReader(self._loop, self._connection, topic, group, self._outage)
        self._readers.append(reader)
        return reader

    def close_readers(self) -> None:
        """As a processor that ends."""
        while self._readers:
            self._readers.pop().close()
