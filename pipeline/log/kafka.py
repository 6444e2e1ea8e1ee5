"""The log on Apache Kafka. Topics are there already (`pipeline.log.kafka_topics`); what is kept how long is their own setting."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_loop import LoopThread
from pipeline.log.kafka_outage import Outage, words
from pipeline.log.kafka_reader import ANSWER_SECONDS, KafkaReader, record_of
from pipeline.log.kafka_tail import KafkaTail
from pipeline.log.kafka_writer import STOP_SECONDS, KafkaWriter, Producer
from pipeline.log.observer import LogObserver, NoObserver
from pipeline.log.port import STORE_GROUP
from schemas.errors import LogUnavailableError
from schemas.ports import Record

SEND_SECONDS: Final = 1.8
T = TypeVar("T")


class KafkaLog:
    """A DurableLog whose files the brokers keep. Opening it does not wait for them: while they are away, appends are refused."""

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        compression: str = "zstd",
        send_seconds: float = SEND_SECONDS,
        observer: LogObserver | None = None,
    ) -> None:
        """`send_seconds` bounds an append of usual size. Raises SettingsError."""
        connection.options()
        self._connection, self._compression, self._send_seconds = connection, compression, send_seconds
        self._observer, self._outage = observer or NoObserver(), Outage()
        self._loop = LoopThread("kafka")
        self._readers: list[KafkaReader] = []
        self._producer: Producer = self._loop.call(self._make_producer())

    async def _make_producer(self) -> Producer:
        return Producer(self._connection, self._compression, self._send_seconds, self._observer, self._outage)

    def open(self) -> Self:
        """Connect in the background."""
        self._loop.submit(self._connect())
        return self

    async def _connect(self) -> None:
        with contextlib.suppress(KafkaError):  # the first append tries again
            await self._producer.started()

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        with contextlib.suppress(TimeoutError, RuntimeError):
            self._loop.call(self._producer.stop(), 2 * STOP_SECONDS)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def owned(self) -> None:
        """The brokers' retention decides what is kept."""
        return None

    def check(self) -> str:
        """For /ready: "" while appends are taken."""
        return self._producer.trouble

    def writer(self) -> KafkaWriter:
        return KafkaWriter(self._loop, lambda: self._producer)

    def reader(self, topic: str, group: str = STORE_GROUP) -> KafkaReader:
        """Joins the group when it is first asked for something."""
        reader = KafkaReader(self._loop, self._connection, topic, group, self._outage)
        self._readers.append(reader)
        return reader

    def tail(self, topic: str, begin: Literal["end", "start"] = "end") -> KafkaTail:
        """Connects when it is first polled."""
        return KafkaTail(self._loop, self._connection, topic, begin, self._outage)

    def put(self, topic: str, value: bytes, headers: Mapping[str, str], key: bytes | None = None) -> None:
        """Append one message of ours from a thread that may block. Raises LogUnavailableError, MalformedRequestError."""
        try:
            self._loop.call(self._producer.send(topic, value, headers, key))
        except (TimeoutError, RuntimeError) as error:
            raise LogUnavailableError("it is closed") from error

    def records(self, topic: str, partition: int = 0, start: int = 0) -> Iterator[Record]:
        """Raises LogUnavailableError."""
        return iter(self._call(self._records(topic, partition, start), 60))

    def partitions(self, topic: str) -> int:
        """Raises LogUnavailableError."""
        return self._call(self._partitions(topic))

    def start(self, topic: str, partition: int = 0) -> int:
        """Raises LogUnavailableError."""
        return self._call(self._edges(topic, partition))[0]

    def end(self, topic: str, partition: int = 0) -> int:
        """Raises LogUnavailableError."""
        return self._call(self._edges(topic, partition))[1]

    def committed(self, topic: str, group: str = STORE_GROUP) -> dict[int, int]:
        """What the group committed, whoever its members are. Raises LogUnavailableError."""
        return self._call(self._committed(topic, group))

    def _call(self, work: Coroutine[Any, Any, T], timeout: float = 5 * ANSWER_SECONDS) -> T:
        try:
            return self._loop.call(work, timeout)
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailableError(f"Kafka: {words(error)}") from error

    async def _partitions(self, topic: str) -> int:
        return len(await (await self._producer.started()).partitions_for(self._connection.topic(topic)))

    @contextlib.asynccontextmanager
    async def _consumer(self, group: str | None = None) -> Any:
        consumer = AIOKafkaConsumer(**self._connection.options(), group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def _edges(self, topic: str, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._connection.topic(topic), partition)
        async with self._consumer() as consumer:
            starts, ends = await asyncio.gather(consumer.beginning_offsets([place]), consumer.end_offsets([place]))
            return starts[place], ends[place]

    async def _committed(self, topic: str, group: str) -> dict[int, int]:
        count = await self._partitions(topic)
        places = [TopicPartition(self._connection.topic(topic), number) for number in range(count)]
        async with self._consumer(self._connection.group(group, topic)) as consumer:
            consumer.assign(places)
            return {place.partition: await consumer.committed(place) or 0 for place in places}

    async def _records(self, topic: str, partition: int, start: int) -> list[Record]:
        place = TopicPartition(self._connection.topic(topic), partition)
        async with self._consumer() as consumer:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            consumer.seek(place, max(start, (await consumer.beginning_offsets([place]))[place]))
            found: list[Record] = []
            while await consumer.position(place) < end:
                for one in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                    found.append(record_of(topic, one))  # noqa: PERF401  a comprehension of awaits reads worse
            return [record for record in found if record.offset < end]
