"""What only a log on real brokers can get wrong: they go away, hang, come back, and hand partitions around."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.log.errors import TooFewBrokersError, UnsafeTopicError
from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_reader import KafkaReader
from pipeline.log.kafka_split import partition_of
from pipeline.log.kafka_topics import TopicPlan, ensure_topics
from pipeline.log.kafka_writer import MOST_BYTES
from schemas.errors import LogUnavailableError, MalformedRequestError
from schemas.ports import Record
from schemas.topics import LOGS, SPANS
from tests.brokers import Cluster, free_port
from tests.pipeline.log.patient import PatientKafkaLog, open_kafka

pytestmark = pytest.mark.slow
RECEIVED = {"mission_control.received_unix_nano": "1"}
PATIENCE = 120.0


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex}."


@pytest.fixture
def log(kafka: Cluster, prefix: str) -> Iterator[PatientKafkaLog]:
    with closing(open_kafka(kafka.bootstrap, prefix)) as log:
        yield log


def values(log: KafkaLog, partitions: int = 1) -> Counter[bytes]:
    return Counter(record.value for number in range(partitions) for record in log.records(SPANS, number))


@dataclass
class Senders:
    """Threads that append numbers until told to stop; a number that was refused is never sent again."""

    log: KafkaLog
    acknowledged: list[bytes] = field(default_factory=list)
    refused: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, name: int) -> None:
        asyncio.run(self._send(name))

    async def _send(self, name: int) -> None:
        writer, number = self.log.writer(), 0
        while not self.stop.is_set():
            value, number = b"%d/%d" % (name, number), number + 1
            try:
                await writer.append(SPANS, value, RECEIVED)
                self.acknowledged.append(value)
            except LogUnavailableError:
                self.refused += 1


def test_nothing_acknowledged_is_lost_or_doubled_when_the_broker_is_killed(kafka: Cluster, log: PatientKafkaLog) -> None:
    """And it goes on by itself."""
    senders = Senders(log)
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(senders.run, name) for name in range(3)]
        try:
            for _ in range(2):
                before = len(senders.acknowledged)
                eventually(lambda before=before: len(senders.acknowledged) > before + 100)  # type: ignore[misc]  # bound early on purpose
                refused = senders.refused
                kafka.node.end()
                eventually(lambda refused=refused: senders.refused > refused)  # type: ignore[misc]  # the same
                assert log.check() != ""
                kafka.node.start()
        finally:
            before = len(senders.acknowledged)
            eventually(lambda: len(senders.acknowledged) > before + 100)
            senders.stop.set()
        for one in running:
            one.result(PATIENCE)
    assert log.check() == ""
    stored = values(log)
    print(f"{len(senders.acknowledged)} acknowledged, {senders.refused} refused, {sum(stored.values())} stored")
    assert set(senders.acknowledged) <= stored.keys()
    assert max(stored.values()) == 1


def test_a_broker_that_hangs_refuses_in_time(kafka: Cluster, log: PatientKafkaLog) -> None:
    asyncio.run(log.writer().append(SPANS, b"first", RECEIVED))
    kafka.node.pause()
    try:
        with pytest.raises(LogUnavailableError, match=r"within 1\.8 s") as refused:
            asyncio.run(log.writer().append(SPANS, b"second", RECEIVED))
        assert refused.value.retry_after > 0
    finally:
        kafka.node.unpause()
    eventually(lambda: values(log).keys() >= {b"first", b"second"})  # refused, and there all the same


def test_without_a_broker_it_opens_and_refuses(tmp_path: object) -> None:
    with KafkaLog(KafkaConnection(f"127.0.0.1:{free_port()}"), send_seconds=0.5) as log:
        with pytest.raises(LogUnavailableError):
            asyncio.run(log.writer().append(SPANS, b"lost", RECEIVED))
        assert log.check() != ""
        reader = log.reader(SPANS)
        assert reader.poll(1000, 0) == []
        assert reader.lag() == 0
        with pytest.raises(LogUnavailableError):
            reader.committed()
        with pytest.raises(LogUnavailableError):
            log.end(SPANS)


def spans_request(count: int, size: int) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(count):
        spans.add(name=f"{number}").attributes.add(key="filling").value.string_value = "x" * size
    return request


async def test_a_large_request_lies_there_in_parts(log: PatientKafkaLog) -> None:
    request = spans_request(300, 10_000)
    assert await log.writer().append(SPANS, request.SerializeToString(), RECEIVED) == (0, 0)
    parts = [record.value for record in log.records(SPANS)]
    assert len(parts) == 4
    assert max(map(len, parts)) <= 900_000
    names = [span.name for part in parts for span in ExportTraceServiceRequest.FromString(part).resource_spans[0].scope_spans[0].spans]
    assert names == [str(number) for number in range(300)]


async def test_every_trace_lies_in_one_partition(kafka: Cluster, prefix: str) -> None:
    """However its spans came: in several requests, beside those of other traces."""
    traces = [bytes([number]) * 16 for number in range(20)]
    with closing(open_kafka(kafka.bootstrap, prefix, partitions=3)) as log:
        for sender in range(4):
            request = spans_request(len(traces), sender * 3_000)
            for trace, span in zip(traces, request.resource_spans[0].scope_spans[0].spans, strict=True):
                span.trace_id = trace
            await log.writer().append(SPANS, request.SerializeToString(), RECEIVED)
        found = Counter(
            (partition, span.trace_id)
            for partition in range(3)
            for record in log.records(SPANS, partition)
            for span in ExportTraceServiceRequest.FromString(record.value).resource_spans[0].scope_spans[0].spans
        )
    assert found == {(partition_of(trace, 3), trace): 4 for trace in traces}
    assert len({partition for partition, _ in found}) == 3


async def test_a_partition_that_does_not_answer_is_left_out_for_a_while(
    kafka: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request that meets it is refused; what the next ones have for it goes elsewhere."""
    send = AIOKafkaProducer.send

    async def hangs(producer: AIOKafkaProducer, topic: str, value: bytes, key: None, partition: int, **more: object) -> object:
        return asyncio.Future() if partition == 1 else await send(producer, topic, value, key, partition, **more)

    traces = [bytes([number]) * 16 for number in range(20)]
    request = spans_request(len(traces), 10)
    for trace, span in zip(traces, request.resource_spans[0].scope_spans[0].spans, strict=True):
        span.trace_id = trace
    with closing(open_kafka(kafka.bootstrap, prefix, partitions=3)) as log:
        await log.writer().append(LOGS, b"connects", RECEIVED)
        monkeypatch.setattr(AIOKafkaProducer, "send", hangs)
        with pytest.raises(LogUnavailableError):
            await log.writer().append(SPANS, request.SerializeToString(), RECEIVED)
        await log.writer().append(SPANS, request.SerializeToString(), RECEIVED)
        monkeypatch.undo()
        assert not list(log.records(SPANS, 1))
        assert log.check() == ""


async def test_what_is_followed_is_handed_on_without_asking_anybody(
    kafka: Cluster, prefix: str, log: PatientKafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of the broker would come after the next fetch, which waits for the next record."""
    tail = log.tail(SPANS)
    tail.poll(0)
    await log.writer().append(SPANS, b"first", RECEIVED)
    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", None)
    found: list[bytes] = []

    def came() -> bool:
        found.extend(record.value for record in tail.poll(0.1))
        return bool(found)

    eventually(came)
    assert found == [b"first"]
    monkeypatch.undo()
    tail.close()


async def test_a_large_record_fits_and_a_huge_one_never_does(log: PatientKafkaLog) -> None:
    await log.writer().append(SPANS, spans_request(1, 5_000_000).SerializeToString(), RECEIVED)
    with pytest.raises(MalformedRequestError, match="single record"):
        await log.writer().append(SPANS, spans_request(1, MOST_BYTES).SerializeToString(), RECEIVED)
    assert [len(record.value) > 5_000_000 for record in log.reader(SPANS).poll(1000, 5)] == [True]


async def test_what_others_write_is_received_when_kafka_took_it(kafka: Cluster, log: PatientKafkaLog, prefix: str) -> None:
    began = time.time_ns() // 1_000_000
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(f"{prefix}{SPANS}", b"foreign", headers=[("other", b"\xff")])
        await producer.send_and_wait(f"{prefix}{SPANS}", None, key=b"a tombstone")
    first, second = log.records(SPANS)
    assert (first.value, second.value) == (b"foreign", b"")
    assert began <= int(first.headers["mission_control.received_unix_nano"]) // 1_000_000 <= time.time_ns() // 1_000_000
    assert (first.headers["mission_control.source"], first.headers["other"]) == ("kafka", "\N{REPLACEMENT CHARACTER}")


async def test_reading_begins_where_the_reader_is_told(log: PatientKafkaLog) -> None:
    for number in range(6):
        await log.writer().append(SPANS, b"%d" % number, RECEIVED)
    log.reader(SPANS).commit({0: 4})
    log.close_readers()
    told: list[tuple[int, int]] = []

    def resume(partition: int, committed: int) -> int:
        told.append((partition, committed))
        return 2

    reader = log.reader(SPANS)
    reader.begin(resume)
    assert [record.value for record in reader.poll(1000, 5)] == [b"2", b"3", b"4", b"5"]
    assert told == [(0, 4)]
    reader.commit({0: 3})
    assert reader.committed() == {0: 4}


@dataclass
class Worker:
    """What a processor does: poll, work a while, commit."""

    reader: KafkaReader
    seen: list[Record] = field(default_factory=list)
    largest: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.is_set():
            records = self.reader.poll(2000, 0.2)
            time.sleep(0.02)
            self.seen += records
            self.largest = max(self.largest, len(records))
            if records:
                self.reader.commit({record.partition: record.offset + 1 for record in records})

    def partitions(self) -> set[int]:
        return set(self.reader._places)


def test_processors_come_and_go_and_every_record_is_seen(kafka: Cluster, prefix: str) -> None:
    """Their batches are committed before partitions move, so hardly anything comes twice, and nothing is left out."""
    with closing(open_kafka(kafka.bootstrap, prefix, 4)) as log, ThreadPoolExecutor(6) as pool:
        senders, workers = (
            Senders(log),
            [Worker(KafkaReader(log._loop, log._connection, SPANS, "processor", log._outage)) for _ in range(3)],
        )
        running = [pool.submit(senders.run, name) for name in range(2)]
        first, second, third = workers
        pool.submit(first.run)
        eventually(lambda: len(first.partitions()) == 4)
        pool.submit(second.run)
        eventually(lambda: len(first.partitions()) == len(second.partitions()) == 2)
        pool.submit(third.run)
        eventually(lambda: sorted(len(worker.partitions()) for worker in workers) == [1, 1, 2])
        second.stop.set()
        second.reader.close()
        eventually(lambda: len(first.partitions()) == len(third.partitions()) == 2)
        senders.stop.set()
        for one in running:
            one.result(PATIENCE)
        committed = {number: log.end(SPANS, number) for number in range(4)}
        eventually(lambda: log.committed(SPANS) == committed)
        for worker in workers:
            worker.stop.set()
            worker.reader.close()
    seen = Counter(record.value for worker in workers for record in worker.seen)
    again = sum(seen.values()) - len(seen)
    in_work = sum(worker.largest for worker in workers)
    print(f"{len(seen)} records seen, {again} of them twice; at most {in_work} in work at once")
    assert set(senders.acknowledged) <= seen.keys()
    assert again <= 4 * in_work  # at each of four changes of the group, batches whose commit came too late


def test_topics_that_would_lose_records_are_refused(kafka: Cluster, prefix: str) -> None:
    connection = KafkaConnection(kafka.bootstrap, prefix)
    with pytest.raises(TooFewBrokersError, match="--single-node"):
        ensure_topics(connection, TopicPlan())
    made = ensure_topics(connection, TopicPlan(2, single_node=True))
    assert f"{prefix}{SPANS}" in made
    assert ensure_topics(connection, TopicPlan(2, single_node=True)) == []
    with pytest.raises(UnsafeTopicError, match=r"1 replicas and min\.insync\.replicas 1"):
        ensure_topics(connection, TopicPlan())


def test_three_brokers_lose_one_and_nothing_else(three_brokers: Cluster, prefix: str) -> None:
    connection = KafkaConnection(three_brokers.bootstrap, prefix)
    assert len(ensure_topics(connection, TopicPlan(3))) == 5
    assert ensure_topics(connection, TopicPlan(3)) == []
    with KafkaLog(connection) as log, ThreadPoolExecutor(2) as pool:
        senders = Senders(log)
        running = [pool.submit(senders.run, name) for name in range(2)]
        try:
            for node in three_brokers.nodes[:2]:
                before = len(senders.acknowledged)
                eventually(lambda before=before: len(senders.acknowledged) > before + 100)  # type: ignore[misc]  # bound early on purpose
                node.end()
                before = len(senders.acknowledged)
                eventually(lambda before=before: len(senders.acknowledged) > before + 100)  # type: ignore[misc]  # the same
                node.start()
        finally:
            senders.stop.set()
        for one in running:
            one.result(PATIENCE)
        stored = values(log, 3)
    print(f"{len(senders.acknowledged)} acknowledged, {senders.refused} refused")
    assert set(senders.acknowledged) <= stored.keys()
    assert max(stored.values()) == 1
