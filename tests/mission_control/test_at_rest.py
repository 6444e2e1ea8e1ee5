"""Encryption at rest as the kernel and a server tell of it."""

import os
from pathlib import Path

import pytest

from mission_control.commands.at_rest import encryption, of_volume
from schemas.settings import load_settings
from tests.mission_control.conftest import Door


def device(devices: Path, directory: Path) -> Path:
    number = directory.stat().st_dev
    place = devices / f"{os.major(number)}:{os.minor(number)}"
    place.mkdir(parents=True)
    return place


def test_a_plain_an_encrypted_and_an_unknown_volume(tmp_path: Path) -> None:
    assert "not known" in of_volume(tmp_path, tmp_path / "none").found
    place = device(tmp_path / "plain", tmp_path)
    assert "none" in of_volume(tmp_path, tmp_path / "plain").found
    (place / "dm").mkdir()
    (place / "dm" / "uuid").write_text("LVM-abc\n")
    below = place / "slaves" / "dm-0" / "dm"
    below.mkdir(parents=True)
    (below / "uuid").write_text("CRYPT-LUKS2-abc\n")
    assert "dm-crypt" in of_volume(tmp_path, tmp_path / "plain").found
    assert of_volume(tmp_path / "not" / "made" / "yet", tmp_path / "plain").status == "ok"


def test_a_server_that_does_not_answer(place: Path) -> None:
    finding = encryption(load_settings(clickhouse_url="http://127.0.0.1:9", clickhouse_connect_timeout=1))
    assert finding.status == "warn"
    assert "not known" in finding.found


def test_this_machine_says_something(place: Path, door: Door) -> None:
    assert encryption(load_settings()).status == "ok"


class Disks:
    """A store that knows one thing."""

    def __init__(self, encrypted: int) -> None:
        self.rows = [{"all_encrypted": encrypted}]
        self.closed = False

    def query(self, sql: str, parameters: object = None) -> list[dict[str, int]]:
        return self.rows

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("encrypted", "says"), [(1, "all disks of its policy are encrypted"), (0, "none by the ClickHouse server")])
def test_a_server_that_answers(monkeypatch: pytest.MonkeyPatch, place: Path, encrypted: int, says: str) -> None:
    disks = Disks(encrypted)
    monkeypatch.setattr("schemas.store.open_store", lambda settings: disks)
    assert says in encryption(load_settings(clickhouse_url="http://127.0.0.1:9")).found
    assert disks.closed
