"""What stays of the local log when its process, its machine or its disk fails."""

import asyncio
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.log import LocalLog
from pipeline.log.frame import HEAD_BYTES
from pipeline.log.local import Durability
from schemas.errors import LogUnavailableError
from schemas.ports import Record

TOPIC = "otlp_spans"
ROOT = Path(__file__).parents[3]
APPENDER = Path(__file__).with_name("append_until_killed.py")


def open_log(directory: Path, segment_bytes: int = 1_000_000, durability: Durability = "disk") -> LocalLog:
    return LocalLog(directory, segment_bytes=segment_bytes, min_free_bytes=0, durability=durability)


def write(directory: Path, values: list[bytes], segment_bytes: int = 1_000_000) -> None:
    async def append() -> None:
        with LocalLog(directory, segment_bytes=segment_bytes, min_free_bytes=0) as log:
            for value in values:
                await log.writer().append(TOPIC, value, {})

    asyncio.run(append())


def read(directory: Path) -> list[Record]:
    with open_log(directory) as log:
        return list(log.records(TOPIC))


def segments(directory: Path) -> list[Path]:
    return sorted((directory / TOPIC / "0").glob("*.log"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


def kill_while_appending(directory: Path, durability: Durability, delay: float) -> dict[int, int]:
    """Number → offset of what was acknowledged before the kill."""
    command = [sys.executable, str(APPENDER), str(directory), durability]
    process = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as reports:
        assert reports.readline() == b"ready\n"
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        lines = reports.read().decode().splitlines(keepends=True)
    assert process.wait() == -9
    return {int(number): int(offset) for number, offset in (line.split() for line in lines if line.endswith("\n"))}


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["disk", "process"])
def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(directory: Path, durability: Durability) -> None:
    chance = random.Random(7)
    acknowledged: dict[int, int] = {}
    for _ in range(10):
        acknowledged |= kill_while_appending(directory, durability, chance.uniform(0, 0.1))
        records = read(directory)
        stored = {int(record.headers["number"]): record.offset for record in records}
        assert [record.offset for record in records] == list(range(len(records)))
        assert len(stored) == len(records)
        assert acknowledged.items() <= stored.items()
        assert all(record.value.startswith(record.headers["number"].encode() + b" ") for record in records)
    assert len(acknowledged) > 20
    assert len(segments(directory)) > 1


def test_a_tail_torn_at_any_byte_is_cut_off(directory: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(directory, [b"first", b"second", b"third"])
    whole = segments(directory)[0].read_bytes()
    last = HEAD_BYTES + len(b"{}") + len(b"third")
    for cut in range(1, last + 1):
        torn = tmp_path / f"torn-{cut}"
        shutil.copytree(directory, torn)
        segments(torn)[0].write_bytes(whole[:-cut])
        assert [record.value for record in read(torn)] == [b"first", b"second"]
        assert segments(torn)[0].read_bytes() == whole[:-last]
    assert caplog.text.count("unfinished record") == last - 1
    write(torn, [b"again"])
    assert [(record.offset, record.value) for record in read(torn)] == [(0, b"first"), (1, b"second"), (2, b"again")]


TAILS = {"zeros": bytes(5000), "magic": b"\xd1MC1", "magics": b"\xd1MC1" * 50, "noise": random.Random(1).randbytes(3000)}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS.keys())
def test_garbage_at_the_end_is_cut_off(directory: Path, tail: bytes) -> None:
    write(directory, [b"first", b"second"])
    path = segments(directory)[0]
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert [record.value for record in read(directory)] == [b"first", b"second"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("at", [0, 6, 14, 22, 26, HEAD_BYTES, HEAD_BYTES + 10])
def test_a_flipped_bit_costs_one_record(directory: Path, at: int, caplog: pytest.LogCaptureFixture) -> None:
    write(directory, [b"%d" % number * 20 for number in range(5)])
    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[2 * len(data) // 5 + at] ^= 0x10
    path.write_bytes(data)
    assert [record.offset for record in read(directory)] == [0, 1, 3, 4]
    assert "acknowledged records are lost" in caplog.text
    write(directory, [b"next"])
    assert [record.offset for record in read(directory)] == [0, 1, 3, 4, 5]


def test_a_flipped_bit_in_the_last_record_cuts_it_off(directory: Path) -> None:
    write(directory, [b"first", b"second"])
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes()[:-1] + b"D")
    assert [record.value for record in read(directory)] == [b"first"]


def test_a_ruined_segment_does_not_hide_the_next(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(directory, [bytes(1000)] * 20, segment_bytes=4096)
    first, second, *_ = segments(directory)
    first.write_bytes(bytes(first.stat().st_size))
    after = int(second.stem)
    assert [record.offset for record in read(directory)] == list(range(after, 20))
    second.unlink()
    with open_log(directory) as log:
        reader = log.reader(TOPIC)
        assert reader.poll(10_000, 0)[0].offset > after
    assert "acknowledged records are lost" in caplog.text


def test_a_segment_that_vanishes_under_a_reader_is_reported(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(directory, [bytes(1000)] * 20, segment_bytes=4096)
    with open_log(directory, 4096) as log:
        reader = log.reader(TOPIC)
        lost = segments(directory)[1]
        lost.unlink()
        offsets = []
        while records := reader.poll(10_000, 0):
            offsets += [record.offset for record in records]
    gone = range(int(lost.stem), int(segments(directory)[1].stem))
    assert offsets == [offset for offset in range(20) if offset not in gone]
    assert f"{lost} is gone" in caplog.text


def test_a_damaged_large_file_is_searched_in_pieces(directory: Path) -> None:
    write(directory, [b"first", random.Random(3).randbytes(3_000_000), b"third"], segment_bytes=10_000_000)
    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[HEAD_BYTES + 7 + 1] ^= 1
    path.write_bytes(data)
    assert [record.value for record in read(directory)] == [b"first", b"third"]


def test_lost_records_do_not_free_their_offsets(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The store skips positions that it has: an offset given twice would lose the second record."""
    write(directory, [b"%d" % number for number in range(10)])
    with open_log(directory) as log:
        log.reader(TOPIC).commit({0: 10})
    segments(directory)[0].unlink()
    with open_log(directory) as log:
        assert (log.end(TOPIC), log.reader(TOPIC).lag()) == (10, 0)
    assert "committed records 0 to 9 are not here" in caplog.text
    write(directory, [b"next"])
    assert [record.offset for record in read(directory)] == [10]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"0": "x"}', b'{"0"', b"\xff", b'{"0": null}'])
def test_torn_positions_mean_reading_earlier(directory: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    write(directory, [b"first", b"second"])
    with open_log(directory) as log:
        log.reader(TOPIC).commit({0: 1})
    (directory / TOPIC / "positions" / "group-processor.json").write_bytes(content)
    with open_log(directory) as log:
        assert log.reader(TOPIC).committed() == {0: 0}
    assert "cannot be read" in caplog.text


def test_without_boot_ids_every_start_reads_again(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.log.local.machine_boot", lambda: "")
    write(directory, [b"first"])
    with open_log(directory) as log:
        log.reader(TOPIC).commit({0: 1})
    with open_log(directory) as log:
        assert log.reader(TOPIC).committed() == {0: 0}


def test_a_position_is_whole_json(directory: Path) -> None:
    write(directory, [b"first"])
    with open_log(directory) as log:
        log.reader(TOPIC).commit({0: 1})
    assert json.loads((directory / TOPIC / "positions" / "group-processor.json").read_bytes()) == {"0": 1}
    assert list(directory.rglob("*.new")) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False).returncode:
        pytest.skip("only root can mount a small file system: a full disk was not tried here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


async def test_a_full_disk_refuses_and_recovers_when_space_returns(tiny_disk: Path) -> None:
    directory = tiny_disk / "log"
    kept: list[bytes] = []
    with open_log(directory, segment_bytes=100_000) as log:
        writer = log.writer()

        async def append_until_refused() -> None:
            with pytest.raises(LogUnavailableError, match="No space left"):  # noqa: PT012
                while True:
                    value = b"%d " % len(kept) + bytes(30_000)
                    await writer.append(TOPIC, value, {})
                    kept.append(value)

        (tiny_disk / "ballast").write_bytes(bytes(300_000))
        await append_until_refused()
        first = len(kept)
        for _ in range(3):
            await append_until_refused()
        log.reader(TOPIC).commit({0: first})  # the disk is full for this as well
        (tiny_disk / "ballast").unlink()
        await append_until_refused()
        assert len(kept) > first
        log.reader(TOPIC).commit({0: len(kept)})
        assert log.release(TOPIC, 0, first) > 0
        kept.append(b"last")
        await writer.append(TOPIC, b"last", {})
        start = log.start(TOPIC)
    with open_log(directory) as log:
        assert [record.value for record in log.records(TOPIC)] == kept[start:]
        assert [record.offset for record in log.records(TOPIC)] == list(range(start, len(kept)))


async def test_a_log_opens_on_a_full_disk(tiny_disk: Path) -> None:
    directory = tiny_disk / "log"
    with open_log(directory) as log:
        await log.writer().append(TOPIC, b"kept", {})
    (directory / "boot_id").write_text("another boot")
    with (tiny_disk / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space left"):  # noqa: PT012
        while True:
            ballast.write(bytes(1000))
    with open_log(directory) as log:
        assert [record.value for record in log.reader(TOPIC).poll(1000, 0)] == [b"kept"]
        with pytest.raises(LogUnavailableError, match="No space left"):
            await log.writer().append(TOPIC, bytes(10_000), {})
        with pytest.raises(LogUnavailableError):
            await log.writer().append("another_topic", bytes(10_000), {})
        (tiny_disk / "ballast").unlink()
        assert await log.writer().append("another_topic", bytes(10_000), {}) == (0, 0)
