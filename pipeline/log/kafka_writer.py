"""Appending to Kafka: one idempotent producer, every append bounded in time."""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_loop import LoopThread
from pipeline.log.kafka_outage import Outage, started, words
from pipeline.log.kafka_split import PART_BYTES, split
from pipeline.log.observer import LogObserver
from schemas.errors import LogUnavailableError, MalformedRequestError

MOST_BYTES: Final = 8 * 1024 * 1024
"""One record that cannot be split may be this large: `max.message.bytes` of our topics."""
SLOWEST: Final = 20_000_000
"""Bytes a second: large requests get that much more time."""
INLINE_BYTES: Final = 256 * 1024
"""Larger requests are cut in a thread, so that others need not wait for it."""
LEFT_OUT_SECONDS: Final = 10.0
"""About what a cluster needs to notice that a broker hangs, and to give its partitions to others."""
STOP_SECONDS: Final = 2.0
logger = logging.getLogger(__name__)

Place = tuple[int, int]
"""Partition and offset."""


class Producer:
    """Belongs to the loop's thread. Begins when first needed and again after an error from which the client does not recover.

    The client itself bounds memory: per partition one batch is on its way and one fills, further appends wait for room.
    """

    def __init__(self, connection: KafkaConnection, compression: str, send_seconds: float, observer: LogObserver, outage: Outage) -> None:
        self._connection, self._send_seconds, self._observer, self._outage = connection, send_seconds, observer, outage
        self._options: dict[str, Any] = {
            "enable_idempotence": True,  # implies acks=all
            "compression_type": None if compression == "none" else compression,
            "max_batch_size": PART_BYTES,
            "max_request_size": MOST_BYTES,
        }
        self._client: Any = None
        self._starting = asyncio.Lock()
        self._turn = itertools.count()
        self._left_out: dict[tuple[str, int], float] = {}
        """Topic and partition that did not answer in time, and until when others get what is theirs."""
        self.trouble = "not connected to Kafka yet"
        """Why the last append was refused; "" while all is well."""

    async def send(self, topic: str, value: bytes, headers: Mapping[str, str], key: bytes | None = None) -> Place:
        """The place of `value`, or of its first part (`kafka_split`), once all of it is on all in-sync replicas.

        Raises LogUnavailableError; then some may be there, or come there later. Raises MalformedRequestError for a value that never fits.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._send_seconds + len(value) / SLOWEST):
                place = await self._send(topic, value, [(name, value.encode()) for name, value in headers.items()], key)
        except TimeoutError:
            raise self._refuse(f"Kafka did not take the record within {self._send_seconds:g} s") from None
        except MessageSizeTooLargeError as error:
            hint = f"a single record may have {MOST_BYTES} bytes; leave large attributes out"
            raise MalformedRequestError(f"a record is larger than the log takes: {error}", hint) from error
        except KafkaError as error:
            if not error.retriable:
                await self.stop()
            raise self._refuse(f"Kafka: {words(error)}") from error
        self.trouble = ""
        self._outage.back("producer")
        self._observer.appended(topic, time.perf_counter() - began)
        return place

    def _refuse(self, reason: str) -> LogUnavailableError:
        self.trouble = reason
        self._outage.away("producer", reason)
        self._observer.refused("broker")
        return LogUnavailableError(reason)

    async def _send(self, topic: str, value: bytes, headers: list[tuple[str, bytes]], key: bytes | None) -> Place:
        client = await self.started()
        name = self._connection.topic(topic)
        partitions = len(await client.partitions_for(name))
        if len(value) <= INLINE_BYTES:
            parts = split(topic, value, partitions)
        else:
            parts = await asyncio.to_thread(split, topic, value, partitions)
        placed = [((name, self._partition(client, name, part.partition)), part.value) for part in parts]
        waiting: list[asyncio.Future[Any]] = []
        try:
            for (_, partition), part in placed:
                waiting.append(await client.send(name, part, key, partition, headers=headers))
                waiting[-1].add_done_callback(_look)
            # Not gathered: when time is up the batch must not learn of it, others are in it as well.
            await asyncio.wait(waiting)
        except asyncio.CancelledError:
            self._leave_out({place for (place, _), one in itertools.zip_longest(placed, waiting) if one is None or not one.done()})
            raise
        answers = [one.result() for one in waiting]
        return answers[0].partition, answers[0].offset

    def _leave_out(self, places: Iterable[tuple[str, int]]) -> None:
        """A broker that hangs must not refuse every request that has a trace of its partitions."""
        until = time.monotonic() + LEFT_OUT_SECONDS
        self._left_out |= dict.fromkeys(places, until)

    def _partition(self, client: Any, name: str, wanted: int | None) -> int:
        """The wanted one where it has a leader that answers; else each in its turn of those that have one."""
        now = time.monotonic()
        led: set[int] = client.client.cluster.available_partitions_for_topic(name) or {0}
        able = {number for number in led if self._left_out.get((name, number), now) <= now} or led
        return wanted if wanted is not None and wanted in able else sorted(able)[next(self._turn) % len(able)]

    async def started(self) -> Any:
        """Raises KafkaError while no broker answers."""
        async with self._starting:
            if self._client is None:
                client = AIOKafkaProducer(**self._connection.options(), **self._options)
                await started(client, self._connection, client.stop)
                self._client, self.trouble = client, ""
        return self._client

    async def stop(self) -> None:
        """What was not sent by then is given up; nobody was told that it is there."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            await asyncio.wait_for(client.stop(), STOP_SECONDS)
        except (TimeoutError, KafkaError) as error:
            logger.warning("the connection to Kafka ends with records on their way", extra={"error": repr(error)})
            await client.client.close()


def _look(future: "asyncio.Future[Any]") -> None:
    """Whoever waited may be gone when it fails."""
    if not future.cancelled():
        future.exception()


class KafkaWriter:
    """A LogWriter; any number of event loops may use it."""

    def __init__(self, loop: LoopThread, producer: Callable[[], Producer]) -> None:
        self._loop, self._producer = loop, producer

    async def append(self, topic: str, value: bytes, headers: Mapping[str, str]) -> Place:
        """As the port says; a request that lies there in parts has the first one's place."""
        try:
            sending = self._loop.submit(self._producer().send(topic, value, headers))
        except RuntimeError:
            raise LogUnavailableError("it is closed") from None
        try:
            return await asyncio.wrap_future(sending)
        except asyncio.CancelledError:
            if sending.cancelled():
                raise LogUnavailableError("it is closed") from None
            raise
