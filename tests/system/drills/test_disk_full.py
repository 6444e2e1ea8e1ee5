"""A full disk: senders are told to come again later, nothing is lost or damaged, and it goes on by itself when there is room."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.accounts import check_all
from tests.system.running import System, eventually, system_on
from tests.system.traffic import Agents, Request, Sent

DISK = 300_000_000
FREE = 40_000_000
"""Bytes that the log leaves to the store."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place], capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"THE FULL DISK IS NOT TESTED: no small disk can be made here ({mount.stderr.strip()})")
    yield place
    subprocess.run(["umount", place], check=True)


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def fill(disk: Path, leave: int) -> Path:
    """A file that takes all but `leave` bytes."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        while (size := min(free(disk) - leave, 8_000_000)) > 0:
            try:
                file.write(b"\1" * size)
                file.flush()
            except OSError:
                break
    return ballast


def send(system: System, sent: Sent, request: Request) -> tuple[int, str]:
    """Status and Retry-After."""
    sent.tried.append(request)
    answer = system.post(request.path, request.body)
    if answer.status_code == 200:
        sent.acknowledged.append(request)
    return answer.status_code, answer.headers.get("retry-after", "")


@pytest.mark.parametrize("leave", [FREE // 2, 0], ids=["below what the log leaves free", "no byte"])
def test_goes_on_by_itself_when_there_is_room_again(disk: Path, leave: int) -> None:
    agents, sent = Agents(61), Sent()
    with system_on(disk / "data", LOG_MIN_FREE_BYTES=str(FREE), LOG_SEGMENT_BYTES=str(4_000_000)) as system:
        system.start()
        for _ in range(20):
            assert send(system, sent, agents.any()) == (200, "")
        ballast = fill(disk, leave)
        status, after = eventually(lambda: send(system, sent, agents.any()), lambda answer: answer[0] != 200)
        assert status == 503
        assert float(after) > 0
        refused = [send(system, sent, agents.any())[0] for _ in range(30)]
        assert set(refused) == {503}
        assert system.is_alive()
        assert system.http.get(system.info["console"] + "/health").status_code == 200
        ballast.unlink()
        assert eventually(lambda: send(system, sent, agents.any())[0], lambda status: status == 200) == 200
        for _ in range(10):
            assert send(system, sent, agents.any()) == (200, "")
        check_all(system, sent)
        assert system.stop() == 0
        system.start()
        check_all(system, sent)
        assert system.stop() == 0


def test_what_the_store_could_not_take_comes_later(disk: Path) -> None:
    """The log is allowed the last byte, so it acknowledges what the store has no room for: nobody may lose that."""
    agents, sent = Agents(62), Sent()
    with system_on(disk / "data", LOG_MIN_FREE_BYTES="0", LOG_SEGMENT_BYTES=str(4_000_000)) as system:
        system.start()
        for _ in range(5):
            assert send(system, sent, agents.any()) == (200, "")
        ballast = fill(disk, 3_000_000)
        for _ in range(400):
            if send(system, sent, agents.any())[0] == 503:
                break
        assert system.is_alive()
        ballast.unlink()
        assert eventually(lambda: send(system, sent, agents.any())[0], lambda status: status == 200) == 200
        check_all(system, sent)
        system.kill()
        system.start()
        check_all(system, sent)
