"""Whatever is done to the local log, it behaves as the one in memory."""

import asyncio
import errno
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.log import LocalLog, MemoryLog, PositionedReader
from schemas.errors import LogUnavailableError

TOPIC = "otlp_spans"
T = TypeVar("T")


class LogMachine(RuleBasedStateMachine):
    @initialize(partitions=st.integers(1, 2), segment_bytes=st.sampled_from([1, 300, 5000]))
    def start(self, partitions: int, segment_bytes: int) -> None:
        self.place = tempfile.TemporaryDirectory()
        self.segment_bytes, self.partitions = segment_bytes, partitions
        self.memory = MemoryLog(partitions=partitions)
        self.local = self.open_local()
        self.count = 0
        self.open_readers()

    def open_local(self) -> LocalLog:
        return LocalLog(Path(self.place.name), segment_bytes=self.segment_bytes, partitions=self.partitions, min_free_bytes=0).open()

    def open_readers(self) -> None:
        self.readers: list[PositionedReader] = [self.memory.reader(TOPIC), self.local.reader(TOPIC)]

    def same(self, ask: Callable[[MemoryLog | LocalLog], T]) -> T:
        expected, found = ask(self.memory), ask(self.local)
        assert found == expected
        return expected

    def next_record(self, number: int, offset: int) -> int:
        """Positions in a gap all mean the record behind it."""
        return next((record.offset for record in self.memory.records(TOPIC, number, offset)), self.memory.end(TOPIC, number))

    def partition(self, choice: int) -> int:
        return choice % self.partitions

    @rule(sizes=st.lists(st.integers(0, 400), min_size=1, max_size=5))
    def append(self, sizes: list[int]) -> None:
        for size in sizes:
            self.count += 1
            value = b"%d " % self.count + bytes(size)
            headers = {"number": str(self.count)}
            number, offset = asyncio.run(self.local.writer().append(TOPIC, value, headers))
            self.memory.put(TOPIC, number, offset, value, headers)

    @rule(calls=st.sampled_from([("fdatasync",), ("fdatasync", "truncate"), ("pwritev",), ("pwritev", "truncate")]))
    def fail_to_append(self, calls: tuple[str, ...]) -> None:
        error = OSError(errno.EIO, "the disk is ill")
        with ExitStack() as patches:
            for call in calls:
                patches.enter_context(patch(f"os.{call}", side_effect=error))
            with pytest.raises(LogUnavailableError):
                asyncio.run(self.local.writer().append(TOPIC, b"refused", {}))

    @rule(max_bytes=st.integers(1, 3000))
    def poll(self, max_bytes: int) -> None:
        """How much one poll returns is each log's own, and how much it keeps of what was released; how it goes on is not."""
        memory, local = ([record for _ in range(200) for record in reader.poll(max_bytes, 0)] for reader in self.readers)
        kept = [record for record in local if record.offset >= self.memory.start(TOPIC, record.partition)]
        for number in range(self.partitions):
            assert [record for record in kept if record.partition == number] == [record for record in memory if record.partition == number]

    @rule(choice=st.integers(0, 1), share=st.floats(0, 1))
    def commit(self, choice: int, share: float) -> None:
        number = self.partition(choice)
        offset = int(self.memory.end(TOPIC, number) * share)
        for reader in self.readers:
            reader.commit({number: offset})

    @rule(choice=st.integers(0, 1), share=st.floats(0, 1))
    def release(self, choice: int, share: float) -> None:
        number = self.partition(choice)
        offset = int(self.memory.end(TOPIC, number) * share)
        self.memory.release(TOPIC, number, offset)
        self.local.release(TOPIC, number, offset)

    @rule(choice=st.integers(0, 1), gap=st.integers(0, 5))
    def advance(self, choice: int, gap: int) -> None:
        number = self.partition(choice)
        end = self.memory.end(TOPIC, number)
        self.memory.advance(TOPIC, number, end + gap)
        self.local.advance(TOPIC, number, end + gap)

    @rule(rebooted=st.booleans())
    def reopen(self, rebooted: bool) -> None:
        ends = [self.memory.end(TOPIC, number) for number in range(self.partitions)]
        self.close()
        if rebooted:
            (Path(self.place.name) / "boot_id").write_text("another boot")
        self.local = self.open_local()
        self.memory.open(rebooted=rebooted)
        for number, end in enumerate(ends):  # as the pipeline does with the store's highest position
            self.local.advance(TOPIC, number, end)
        self.open_readers()

    @rule(choice=st.integers(0, 1), share=st.floats(0, 1))
    def seek(self, choice: int, share: float) -> None:
        number = self.partition(choice)
        start, end = self.memory.synced(TOPIC, number), self.memory.end(TOPIC, number)
        assert self.next_record(number, self.local.synced(TOPIC, number)) == self.next_record(number, start)
        for reader in self.readers:
            reader.seek(number, start + int((end - start) * share))

    @invariant()
    def agree(self) -> None:
        for number in range(self.partitions):
            self.same(lambda log, number=number: log.end(TOPIC, number))  # type: ignore[misc]  # bound early on purpose
            start = self.memory.start(TOPIC, number)
            assert self.local.start(TOPIC, number) <= start
            self.same(lambda log, number=number, start=start: list(log.records(TOPIC, number, start)))  # type: ignore[misc]  # the same
        memory, local = ([self.next_record(*item) for item in reader.committed().items()] for reader in self.readers)
        assert local == memory
        assert (self.readers[0].lag() == 0) == (self.readers[1].lag() == 0)

    def close(self) -> None:
        for reader in self.readers:
            reader.close()
        self.local.close()

    def teardown(self) -> None:
        if hasattr(self, "local"):
            self.close()
            self.place.cleanup()


LogMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestLog = LogMachine.TestCase
