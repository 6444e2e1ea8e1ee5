"""What every log must do. A further implementation joins by one more harness in `harness`."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from pipeline.log import DurableLog, LocalLog, MemoryLog, OwnedLog, PositionedReader
from schemas.errors import LogUnavailableError
from schemas.ports import Record
from tests.brokers import Cluster
from tests.pipeline.log.patient import PatientKafkaLog, open_kafka

TOPIC = "otlp_spans"
MAX_BYTES = 1_000_000


class Harness(Protocol):
    def open(self) -> DurableLog:
        """The same log again each time."""
        ...


class OwnedHarness(Protocol):
    def open(self, *, rebooted: bool = False) -> OwnedLog:
        """The same log again each time; `rebooted` after a simulated restart of the machine."""
        ...


class MemoryHarness:
    def __init__(self, partitions: int) -> None:
        self._log = MemoryLog(partitions=partitions, max_bytes=MAX_BYTES)

    def open(self, *, rebooted: bool = False) -> MemoryLog:
        return self._log.open(rebooted=rebooted)


class LocalHarness:
    def __init__(self, directory: Path, partitions: int) -> None:
        self._directory, self._partitions = directory, partitions

    def open(self, *, rebooted: bool = False) -> LocalLog:
        if rebooted:
            (self._directory / "boot_id").write_text("another boot")
        return LocalLog(self._directory, partitions=self._partitions, segment_bytes=4096, max_bytes=MAX_BYTES, min_free_bytes=0).open()


class KafkaHarness:
    """A prefix of its own is a log of its own."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster, self._partitions, self._prefix = cluster, partitions, f"{uuid4().hex}."

    def open(self) -> PatientKafkaLog:
        return open_kafka(self._cluster.bootstrap, self._prefix, self._partitions)


@pytest.fixture(params=["memory", "local", pytest.param("kafka", marks=pytest.mark.slow)])
def make_harness(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Harness]:
    def make(partitions: int) -> Harness:
        if request.param == "kafka":
            return KafkaHarness(request.getfixturevalue("kafka"), partitions)
        return MemoryHarness(partitions) if request.param == "memory" else LocalHarness(tmp_path / "log", partitions)

    return make


@pytest.fixture
def harness(make_harness: Callable[[int], Harness]) -> Harness:
    return make_harness(1)


@pytest.fixture
def log(harness: Harness) -> Iterator[DurableLog]:
    with closing(harness.open()) as log:
        yield log


@pytest.fixture(params=["memory", "local"])
def owned_harness(request: pytest.FixtureRequest, tmp_path: Path) -> OwnedHarness:
    return MemoryHarness(1) if request.param == "memory" else LocalHarness(tmp_path / "log", 1)


@pytest.fixture
def owned(owned_harness: OwnedHarness) -> Iterator[OwnedLog]:
    with closing(owned_harness.open()) as log:
        assert log.owned is log
        yield log


async def fill(log: DurableLog, count: int, topic: str = TOPIC, size: int = 100) -> list[bytes]:
    values = [b"%06d" % number + bytes(size - 6) for number in range(count)]
    for value in values:
        await log.writer().append(topic, value, {})
    return values


def drain(reader: PositionedReader) -> list[Record]:
    polled: list[Record] = []
    while records := reader.poll(5_000, 0):
        polled += records
    return polled


async def test_returns_what_was_appended_with_its_headers(log: DurableLog) -> None:
    headers = {"mission_control.project": "Zürich", "mission_control.received_unix_nano": "1"}
    assert await log.writer().append(TOPIC, b"\x00\xff", headers) == (0, 0)
    assert await log.writer().append(TOPIC, b"", {"mission_control.received_unix_nano": ""}) == (0, 1)
    first, second = log.reader(TOPIC).poll(1000, 0)
    assert (first.topic, first.partition, first.offset, first.value) == (TOPIC, 0, 0, b"\x00\xff")
    assert dict(first.headers) == headers
    assert (second.offset, second.value, dict(second.headers)) == (1, b"", {"mission_control.received_unix_nano": ""})


async def test_2000_appends_at_once_get_dense_distinct_offsets(log: DurableLog) -> None:
    writer = log.writer()
    positions = await asyncio.gather(*(writer.append(TOPIC, b"%d" % number, {}) for number in range(2000)))
    assert sorted(positions) == [(0, offset) for offset in range(2000)]
    values = {record.offset: record.value for record in log.records(TOPIC)}
    assert values == {offset: b"%d" % number for number, (_, offset) in enumerate(positions)}


async def test_appends_of_one_caller_keep_their_order(log: DurableLog) -> None:
    values = await fill(log, 300)
    assert [record.value for record in log.records(TOPIC)] == values


async def test_topics_are_independent(log: DurableLog) -> None:
    await log.writer().append("otlp_logs", b"a", {})
    await log.writer().append(TOPIC, b"b", {})
    assert [record.value for record in log.reader("otlp_logs").poll(100, 0)] == [b"a"]
    assert [record.value for record in log.reader(TOPIC).poll(100, 0)] == [b"b"]


async def test_poll_continues_and_ends_empty(log: DurableLog) -> None:
    values = await fill(log, 10)
    reader = log.reader(TOPIC)
    polled = []
    while records := reader.poll(350, 0):
        assert len(records) <= 3
        polled += [record.value for record in records]
    assert polled == values
    assert reader.poll(350, 0.001) == []


async def test_poll_returns_one_record_however_large(log: DurableLog) -> None:
    await fill(log, 2, size=20_000)
    reader = log.reader(TOPIC)
    assert [[len(record.value) for record in reader.poll(1, 0)] for _ in range(3)] == [[20_000], [20_000], []]


async def test_poll_wakes_up_on_append(log: DurableLog) -> None:
    reader = log.reader(TOPIC)
    polling = asyncio.create_task(asyncio.to_thread(reader.poll, 1000, 60))
    await asyncio.sleep(0.02)
    await log.writer().append(TOPIC, b"now", {})
    assert [record.value for record in await polling] == [b"now"]


async def test_wake_ends_a_waiting_poll(log: DurableLog) -> None:
    reader = log.reader(TOPIC)
    polling = asyncio.create_task(asyncio.to_thread(reader.poll, 1000, 60))
    await asyncio.sleep(0.02)
    reader.wake()
    assert await polling == []
    await fill(log, 1)
    assert reader.poll(1000, 0) == []
    reader.close()


async def test_reading_starts_at_the_commit_after_a_restart(harness: Harness) -> None:
    with closing(harness.open()) as log:
        values = await fill(log, 10)
        reader = log.reader(TOPIC)
        assert (reader.committed(), reader.lag()) == ({0: 0}, 10)
        drain(reader)
        reader.commit({0: 6})
        assert (reader.committed(), reader.lag()) == ({0: 6}, 4)
    with closing(harness.open()) as log:
        reader = log.reader(TOPIC)
        assert (reader.committed(), reader.lag(), log.end(TOPIC)) == ({0: 6}, 4, 10)
        assert [record.value for record in drain(reader)] == values[6:]
        assert await log.writer().append(TOPIC, b"next", {}) == (0, 10)
        assert [record.offset for record in drain(reader)] == [10]


async def test_groups_have_positions_of_their_own(harness: Harness) -> None:
    with closing(harness.open()) as log:
        await fill(log, 3)
        log.reader(TOPIC, "archive").commit({0: 2})
    with closing(harness.open()) as log:
        assert log.reader(TOPIC, "archive").committed() == {0: 2}
        assert log.reader(TOPIC).committed() == {0: 0}


async def test_commits_never_go_back_nor_beyond_the_end(log: DurableLog) -> None:
    await fill(log, 3)
    reader = log.reader(TOPIC)
    reader.commit({0: 3})
    reader.commit({0: 1})
    assert reader.committed() == {0: 3}
    with pytest.raises(ValueError, match="behind the end"):
        reader.commit({0: 4})


async def test_after_a_machine_restart_reading_starts_at_what_was_released(owned_harness: OwnedHarness) -> None:
    with closing(owned_harness.open()) as log:
        values = await fill(log, 10)
        log.reader(TOPIC).commit({0: 9})
        log.release(TOPIC, 0, 4)
    for rebooted in (True, False):  # a second start must not believe the old commit again
        with closing(owned_harness.open(rebooted=rebooted)) as log:
            reader = log.reader(TOPIC)
            assert (reader.committed(), log.synced(TOPIC)) == ({0: 4}, 4)
            assert [record.value for record in drain(reader)] == values[4:]


async def test_seek_replays_and_leaves_the_commit(log: DurableLog) -> None:
    values = await fill(log, 200)
    reader = log.reader(TOPIC)
    drain(reader)
    reader.commit({0: 200})
    for place in (0, 77, 199):
        reader.seek(0, place)
        assert reader.poll(1, 0)[0].value == values[place]
    reader.seek(0, 200)
    assert reader.poll(1000, 0) == []
    assert reader.committed() == {0: 200}
    assert [record.value for record in log.records(TOPIC, 0, 150)] == values[150:]


async def test_release_frees_old_records_and_keeps_the_rest(owned_harness: OwnedHarness) -> None:
    with closing(owned_harness.open()) as log:
        values = await fill(log, 200)
        early = log.reader(TOPIC, "slow")
        log.reader(TOPIC).commit({0: 120})
        assert log.release(TOPIC, 0, 150) > 0  # more than is committed: only that counts
        assert log.release(TOPIC, 0, 150) == 0
        assert 60 < log.start(TOPIC) <= 120
        assert log.synced(TOPIC) == 120
        assert early.poll(1, 0)[0].offset == log.start(TOPIC)
    with closing(owned_harness.open()) as log:
        assert 60 < log.start(TOPIC) <= 120
        assert [record.value for record in log.records(TOPIC, 0, 120)] == values[120:]
        assert await log.writer().append(TOPIC, b"next", {}) == (0, 200)
        assert [record.offset for record in drain(log.reader(TOPIC))] == list(range(120, 201))


async def test_a_log_that_was_released_whole_goes_on_where_it_was(owned_harness: OwnedHarness) -> None:
    with closing(owned_harness.open()) as log:
        await fill(log, 50)
        log.reader(TOPIC).commit({0: 50})
        log.release(TOPIC, 0, 50)
    with closing(owned_harness.open()) as log:
        assert (log.end(TOPIC), log.reader(TOPIC).lag()) == (50, 0)
        assert await log.writer().append(TOPIC, b"next", {}) == (0, 50)


async def test_advance_leaves_a_gap(owned_harness: OwnedHarness) -> None:
    with closing(owned_harness.open()) as log:
        await fill(log, 3)
        reader = log.reader(TOPIC)
        reader.commit({0: 3})
        log.advance(TOPIC, 0, 10)
        log.advance(TOPIC, 0, 5)
        assert (reader.lag(), log.end(TOPIC)) == (0, 10)
        assert await log.writer().append(TOPIC, b"ten", {}) == (0, 10)
        assert [record.offset for record in drain(reader)] == [0, 1, 2, 10]
    with closing(owned_harness.open()) as log:
        assert [record.offset for record in log.records(TOPIC)] == [0, 1, 2, 10]


async def test_advance_into_nothing_does_not_keep_readers_busy(owned: OwnedLog) -> None:
    reader = owned.reader(TOPIC)
    owned.advance(TOPIC, 0, 10)
    assert reader.poll(1000, 0.001) == []
    assert list(owned.records(TOPIC)) == []


async def test_a_long_backlog_refuses_until_it_is_committed(owned: OwnedLog) -> None:
    values = []
    with pytest.raises(LogUnavailableError, match="wait for the store") as refused:  # noqa: PT012
        while True:
            await owned.writer().append(TOPIC, bytes(30_000), {})
            values.append(1)
    assert refused.value.retry_after > 0
    assert 30 <= len(values) <= MAX_BYTES / 30_000 + 1
    assert owned.end(TOPIC) == len(values)
    assert owned.backlog_bytes() > MAX_BYTES - 40_000
    owned.reader(TOPIC).commit({0: len(values)})
    assert owned.backlog_bytes() == 0
    assert await owned.writer().append(TOPIC, b"again", {}) == (0, len(values))


async def test_a_closed_log_takes_nothing(harness: Harness) -> None:
    log = harness.open()
    writer, reader = log.writer(), log.reader(TOPIC)
    log.close()
    reader.close()
    with pytest.raises(LogUnavailableError, match="closed"):
        await writer.append(TOPIC, b"late", {})


async def test_partitions_are_all_read(make_harness: Callable[[int], Harness]) -> None:
    harness = make_harness(3)
    with closing(harness.open()) as log:
        values = await fill(log, 30)
        assert log.partitions(TOPIC) == 3
        assert [log.end(TOPIC, number) for number in range(3)] == [10, 10, 10]
        reader = log.reader(TOPIC)
        polled = drain(reader)
        assert sorted(record.value for record in polled) == values
        for number in range(3):
            assert [record.offset for record in polled if record.partition == number] == list(range(10))
        reader.commit({0: 10, 2: 5})
        assert (reader.committed(), reader.lag()) == ({0: 10, 1: 0, 2: 5}, 15)
    with closing(harness.open()) as log:
        assert len(drain(log.reader(TOPIC))) == 15


async def test_one_reader_and_many_writers_at_once(owned: OwnedLog) -> None:
    seen: list[int] = []

    def read() -> None:
        reader = owned.reader(TOPIC)
        while len(seen) < 1500:
            seen.extend(record.offset for record in reader.poll(2000, 10))
            reader.commit({0: seen[-1] + 1})
            owned.release(TOPIC, 0, seen[-1] + 1)

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(15):
        await asyncio.gather(*(owned.writer().append(TOPIC, bytes(100), {}) for _ in range(100)))
    await asyncio.to_thread(thread.join)
    assert seen == list(range(1500))
