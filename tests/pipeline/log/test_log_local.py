"""The local log where it differs from other logs: limits, failing disks, locks, files."""

import asyncio
import errno
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipeline.log import LocalLog, LogLockedError, MetricsObserver, sync_filesystem
from pipeline.log.backlog import MARK_BYTES, Backlog
from pipeline.log.files import machine_boot, write_all
from pipeline.log.writer import FreeSpace
from schemas.errors import LogUnavailableError
from schemas.metrics import Metrics

TOPIC = "otlp_spans"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


def values(log: LocalLog) -> list[bytes]:
    return [record.value for record in log.records(TOPIC)]


def failing(number: int, times: int) -> Callable[..., int]:
    """A system call that fails `times` times and then does nothing."""
    left = itertools.count(times, -1)

    def call(*_: object, **__: object) -> int:
        if next(left) > 0:
            raise OSError(number, os.strerror(number))
        return 0

    return call


async def test_a_failed_sync_refuses_the_group_and_starts_a_new_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        writer = log.writer()
        await writer.append(TOPIC, b"before", {})
        with monkeypatch.context() as patch:
            patch.setattr("os.fdatasync", failing(errno.EIO, 1))
            results = await asyncio.gather(*(writer.append(TOPIC, b"lost", {}) for _ in range(5)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, LogUnavailableError)]
        assert refused
        assert all(error.retry_after > 0 and "Input/output error" in error.reason for error in refused)
        survivors = [b"lost"] * (5 - len(refused))
        await writer.append(TOPIC, b"after", {})
        assert values(log) == [b"before", *survivors, b"after"]
        assert [path.name for path in sorted((directory / TOPIC / "0").iterdir())] == [f"{0:020d}.log", f"{1:020d}.log"]
    with LocalLog(directory, min_free_bytes=0) as log:
        assert values(log) == [b"before", *survivors, b"after"]


async def test_a_failed_first_sync_leaves_no_file_behind(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        reader = log.reader(TOPIC)
        with monkeypatch.context() as patch:
            patch.setattr("os.fdatasync", failing(errno.EIO, 2))
            for _ in range(2):
                with pytest.raises(LogUnavailableError):
                    await log.writer().append(TOPIC, b"lost", {})
                assert reader.poll(1000, 0) == []
        assert await log.writer().append(TOPIC, b"kept", {}) == (0, 0)
        assert [record.value for record in reader.poll(1000, 0)] == [b"kept"]
        assert len(list((directory / TOPIC / "0").iterdir())) == 1


async def test_refused_bytes_that_cannot_be_cut_off_are_never_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        await log.writer().append(TOPIC, b"before", {})
        with monkeypatch.context() as patch:
            patch.setattr("os.fdatasync", failing(errno.EIO, 1))
            patch.setattr("os.truncate", failing(errno.EIO, 1))
            with pytest.raises(LogUnavailableError):
                await log.writer().append(TOPIC, b"refused", {})
        await log.writer().append(TOPIC, b"after", {})
    with LocalLog(directory, min_free_bytes=0) as log:
        assert values(log) == [b"before", b"after"]


async def test_a_file_that_cannot_be_made_durable_is_not_used(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        log.reader(TOPIC)
        with monkeypatch.context() as patch:
            patch.setattr("pipeline.log.partition.sync_directory", failing(errno.ENOSPC, 1))
            with pytest.raises(LogUnavailableError, match="No space left"):
                await log.writer().append(TOPIC, b"lost", {})
        assert await log.writer().append(TOPIC, b"kept", {}) == (0, 0)


def test_a_short_write_goes_on_until_the_disk_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwritev = os.pwritev
    monkeypatch.setattr("os.pwritev", lambda descriptor, buffers, position: pwritev(descriptor, [buffers[0][:3]], position))
    with (tmp_path / "file").open("w+b") as file:
        file.write(b"start")
        file.flush()
        write_all(file.fileno(), [b"0123456789", b"abc"], 13, 5)
        assert (tmp_path / "file").read_bytes() == b"start0123456789abc"
        monkeypatch.setattr("os.pwrite", lambda *_: 0)
        with pytest.raises(OSError, match="no more bytes"):
            write_all(file.fileno(), [b"0123456789"], 10, 0)


async def test_a_mistake_in_the_writer_refuses_and_does_not_stop_it(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        with monkeypatch.context() as patch:
            patch.setattr("pipeline.log.partition.encode_head", lambda *_: 1 // 0)
            with pytest.raises(LogUnavailableError, match="ZeroDivisionError"):
                await log.writer().append(TOPIC, b"lost", {})
        assert await log.writer().append(TOPIC, b"kept", {}) == (0, 0)
        with pytest.raises(LogUnavailableError, match="no name for a topic"):
            await log.writer().append("../escape", b"lost", {})


async def test_a_nearly_full_disk_refuses(directory: Path) -> None:
    with LocalLog(directory, min_free_bytes=1 << 60) as log, pytest.raises(LogUnavailableError, match="nearly full"):
        await log.writer().append(TOPIC, b"lost", {})


async def test_a_disk_that_does_not_say_how_full_it_is_refuses(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=1) as log:
        monkeypatch.setattr("os.statvfs", failing(errno.EIO, 1))
        with pytest.raises(LogUnavailableError, match="Input/output"):
            await log.writer().append(TOPIC, b"lost", {})


def test_free_space_is_asked_for_every_100_ms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [0.0, 0.05, 0.11, 0.2, 0.22]
    now = times[0]
    asked: list[float] = []
    statvfs = os.statvfs

    def ask(path: Path) -> os.statvfs_result:
        asked.append(now)
        return statvfs(path)

    monkeypatch.setattr("os.statvfs", ask)
    free = FreeSpace(tmp_path, 1, clock=lambda: now)
    for time in times:
        now = time
        assert not free.is_short()
    assert asked == [0.0, 0.11, 0.22]


async def test_what_waits_for_the_disk_is_bounded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_answers = threading.Event()
    monkeypatch.setattr("os.fdatasync", lambda _: disk_answers.wait(120))
    with LocalLog(directory, min_free_bytes=0, pending_bytes=1000) as log:
        writer = log.writer()
        large = asyncio.create_task(writer.append(TOPIC, bytes(5000), {}))
        await asyncio.sleep(0)
        with pytest.raises(LogUnavailableError, match="wait for the disk"):
            await writer.append(TOPIC, b"one too many", {})
        disk_answers.set()
        assert await large == (0, 0)
        assert await writer.append(TOPIC, b"now", {}) == (0, 1)


async def test_a_cancelled_caller_hurts_nobody(directory: Path) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        tasks = [asyncio.create_task(log.writer().append(TOPIC, b"%d" % number, {})) for number in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[3], asyncio.CancelledError)
        assert sum(isinstance(result, tuple) for result in results) == 9
        assert set(values(log)) >= {b"%d" % number for number in range(10) if number != 3}


def test_an_event_loop_that_is_gone_hurts_nobody(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_answers = threading.Event()
    monkeypatch.setattr("os.fdatasync", lambda _: disk_answers.wait(120))

    async def leave() -> None:
        task = asyncio.create_task(log.writer().append(TOPIC, b"kept", {}))
        await asyncio.sleep(0)
        task.cancel()

    with LocalLog(directory, min_free_bytes=0) as log:
        asyncio.run(leave())
        disk_answers.set()
    with LocalLog(directory, min_free_bytes=0) as log:
        assert values(log) == [b"kept"]


async def test_large_groups_are_written_whole(directory: Path) -> None:
    with LocalLog(directory, min_free_bytes=0, segment_bytes=10_000_000) as log:
        expected = [bytes([number % 256]) * 900 for number in range(3000)]
        await asyncio.gather(*(log.writer().append(TOPIC, value, {}) for value in expected))
        assert values(log) == expected


async def test_process_durability_syncs_only_when_closed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    with LocalLog(directory, durability="process", min_free_bytes=0) as log:
        await log.writer().append(TOPIC, b"kept", {})
        assert synced == []
        assert values(log) == [b"kept"]
    assert len(synced) == 1


def test_a_second_process_is_refused_by_one_clear_line(directory: Path) -> None:
    script = "import sys; from pathlib import Path; from pipeline.log import LocalLog; LocalLog(Path(sys.argv[1])).open()"
    with LocalLog(directory):
        second = subprocess.run(
            [sys.executable, "-c", script, directory], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
        assert second.stderr.splitlines()[-1].endswith(f"LogLockedError: {directory} is in use by process {os.getpid()}")
        (directory / "lock").write_text("")
        with pytest.raises(LogLockedError, match="in use by another process"):
            LocalLog(directory).open()
    with LocalLog(directory):
        pass


def test_a_log_that_cannot_be_opened_leaves_no_lock(directory: Path) -> None:
    with LocalLog(directory) as log:
        log.reader(TOPIC)
    (directory / TOPIC / "0" / f"{0:020d}.log").mkdir()
    with pytest.raises(IsADirectoryError):
        LocalLog(directory).open()
    (directory / TOPIC / "0" / f"{0:020d}.log").rmdir()
    with LocalLog(directory) as log:
        assert log.topics() == [TOPIC]
    with pytest.raises(RuntimeError, match="open the log first"):
        LocalLog(directory).writer()


async def test_positions_that_cannot_be_stored_are_kept_in_memory(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalLog(directory, min_free_bytes=0) as log:
        await log.writer().append(TOPIC, b"kept", {})
        reader = log.reader(TOPIC)
        with monkeypatch.context() as patch:
            patch.setattr("pipeline.log.topic.write_offsets", failing(errno.ENOSPC, 1))
            reader.commit({0: 1})
        assert reader.committed() == {0: 1}


async def test_more_partitions_for_an_old_topic(directory: Path) -> None:
    for partitions, expected in ((1, 1), (3, 3), (2, 3)):
        with LocalLog(directory, partitions=partitions, min_free_bytes=0) as log:
            assert log.partitions(TOPIC) == expected


async def test_counts_for_prometheus(directory: Path) -> None:
    registry = CollectorRegistry()

    def sample(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"mission_control_{name}", labels)

    observer = MetricsObserver(Metrics(registry))
    with LocalLog(directory, min_free_bytes=0, max_bytes=1000, observer=observer) as log:
        await log.writer().append(TOPIC, bytes(900), {})
        with pytest.raises(LogUnavailableError):
            await log.writer().append(TOPIC, bytes(900), {})
        path = directory / TOPIC / "0" / f"{0:020d}.log"
        assert sample("log_bytes", topic=TOPIC) == sample("log_backlog_bytes", topic=TOPIC) == path.stat().st_size
        path.write_bytes(bytes(path.stat().st_size))
        assert log.reader(TOPIC).poll(1000, 0) == []
    assert sample("log_append_seconds_count", topic=TOPIC) == 1
    assert sample("log_refused_total", reason="backlog") == 1
    assert sample("log_damaged_bytes_total", topic=TOPIC) == path.stat().st_size


def test_backlog_counts_in_marks() -> None:
    backlog = Backlog()
    for end in range(1, 10_001):
        backlog.add(end, 100)
    assert backlog.size == 1_000_000
    backlog.commit(5000)
    assert 500_000 <= backlog.size <= 500_000 + MARK_BYTES
    backlog.commit(10_000)
    assert backlog.size == 0
    backlog.add(10_001, 100)
    assert backlog.size == 100


def test_a_file_system_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_filesystem(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_filesystem(tmp_path / "missing")
    synced = []
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
    monkeypatch.setattr("os.sync", lambda: synced.append(True))
    sync_filesystem(tmp_path)
    assert synced == [True]


def test_a_file_system_that_does_not_sync_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        @staticmethod
        def syncfs(_: int) -> int:
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: Library())
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        sync_filesystem(tmp_path)


def test_boots_have_names_where_the_system_tells(tmp_path: Path) -> None:
    (tmp_path / "boot_id").write_text("abc\n")
    assert machine_boot(tmp_path / "boot_id") == "abc"
    assert machine_boot(tmp_path / "missing") == ""
