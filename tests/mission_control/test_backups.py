"""Backups of a running system, without one: their states, and what the commands refuse."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from control.commands import BadArgumentsError
from mission_control import archiving, backups
from mission_control.archiving import Archiving, wanted
from mission_control.backups import Backups
from operations.archive import Archive, Round
from operations.archive_files import ArchiveFiles
from operations.backup import FORMAT, Manifest, differences, read_manifest, take
from operations.errors import BackupError
from pipeline.log.snapshot import LogSnapshot
from schemas.settings import Settings, load_settings
from schemas.store import ClickHouseStore
from tests.mission_control.conftest import Door, Run

WHOLE = Manifest(FORMAT, "1", "2030-01-01T00:00:00+00:00", [], {"spans": 3}, 100, 10, 2.0)


def settled(made: Backups) -> Mapping[str, Any]:
    made.stop()
    return made.status({})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


def taking(monkeypatch: pytest.MonkeyPatch, work: Callable[..., Manifest]) -> None:
    monkeypatch.setattr(backups, "take", work)


def test_one_at_a_time_and_its_end_is_told(monkeypatch: pytest.MonkeyPatch, store: ClickHouseStore, settings: Settings) -> None:
    going = threading.Event()

    def slowly(*_: object) -> Manifest:
        going.wait(120)
        return WHOLE

    taking(monkeypatch, slowly)
    made = Backups(store, settings)
    assert made.status({})["state"] == "none"
    made.stop()
    assert made.start({})["state"] == "running"
    with pytest.raises(BadArgumentsError, match="already"):
        made.start({})
    going.set()
    assert settled(made) == {**made.status({}), "state": "complete", "bytes": 110, "seconds": 2.0}


def test_a_failure_is_told_and_the_next_may_begin(monkeypatch: pytest.MonkeyPatch, store: ClickHouseStore, settings: Settings) -> None:
    def failing(*_: object) -> Manifest:
        raise OSError("disk full")

    taking(monkeypatch, failing)
    made = Backups(store, settings)
    made.start({})
    assert settled(made)["error"] == "disk full"
    assert made.start({})["state"] in ("running", "failed")
    made.stop()


def test_the_archive_goes_with_it_unless_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch, store: ClickHouseStore, settings: Settings
) -> None:
    given: list[object] = []

    def remember(*arguments: object) -> Manifest:
        given.append(arguments[-1])
        return WHOLE

    taking(monkeypatch, remember)
    made = Backups(store, settings)
    for arguments in ({}, {"archive": True}, {"archive": False}):
        made.start(arguments)
        made.stop()
    assert given == [settings.archive, settings.archive, None]


def test_what_was_left_half_written_goes_at_the_start(store: ClickHouseStore, settings: Settings) -> None:
    half, links = settings.backups / ".partial-x", settings.data_dir / "log" / ".snapshot-x"
    half.mkdir(parents=True)
    links.mkdir(parents=True)
    Backups(store, settings)
    assert not half.exists()
    assert not links.exists()


def test_a_place_that_is_taken_and_a_log_that_fails_leave_nothing(store: ClickHouseStore, tmp_path: Path) -> None:
    class Broken(LogSnapshot):
        def begin(self) -> "Broken":
            raise OSError("no links here")

    with pytest.raises(BackupError, match="something is there"):
        take(store, LogSnapshot(tmp_path), tmp_path, "1", lambda path: None)
    with pytest.raises(OSError, match="no links"):
        take(store, Broken(tmp_path / "log"), tmp_path / "new" / "backup", "1", lambda path: None)
    assert list((tmp_path / "new").iterdir()) == []


def test_only_whole_backups_of_this_format_are_read(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"no manifest\.json"):
        read_manifest(tmp_path)
    for text, problem in (("{", "cannot be read"), ('{"a": 1}', "cannot be read")):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(BackupError, match=problem):
            read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps(asdict(replace(WHOLE, format=9))))
    with pytest.raises(BackupError, match="format 9"):
        read_manifest(tmp_path)
    assert differences({"a": 1, "b": 2}, {"a": 1, "c": 3}) == "b 0 instead of 2, c 3 instead of 0"


def test_backups_from_before_the_archive_was_in_them_are_read(tmp_path: Path) -> None:
    written = {name: value for name, value in asdict(replace(WHOLE, format=1)).items() if name != "archive"}
    (tmp_path / "manifest.json").write_text(json.dumps(written))
    assert read_manifest(tmp_path) == replace(WHOLE, format=1)
    (tmp_path / "manifest.json").write_text(json.dumps(asdict(replace(WHOLE, archive={"a": (3, 4)}))))
    assert (read_manifest(tmp_path).archive, read_manifest(tmp_path).bytes) == ({"a": (3, 4)}, 113)


def test_the_snapshot_keeps_what_the_log_lets_go_of(tmp_path: Path) -> None:
    segments = tmp_path / "log" / "otlp_spans" / "0"
    positions = tmp_path / "log" / "otlp_spans" / "positions"
    segments.mkdir(parents=True)
    positions.mkdir()
    (segments / "0.log").write_bytes(b"old")
    (positions / "group-store.json").write_text('{"0": 1}')
    snapshot = LogSnapshot(tmp_path / "log").begin()
    (positions / "group-store.json").write_text('{"0": 9}')
    with (segments / "0.log").open("ab") as growing:
        growing.write(b" and more")
    (segments / "0.log").unlink()
    (segments / "1.log").write_bytes(b"new")
    assert snapshot.write_to(tmp_path / "copy") == len(b"old and more") + len(b"new") + len('{"0": 1}')
    snapshot.end()
    snapshot.end()
    copy = tmp_path / "copy" / "otlp_spans"
    assert (copy / "positions" / "group-store.json").read_text() == '{"0": 1}'
    assert (copy / "0" / "0.log").read_bytes() == b"old and more"
    assert (copy / "0" / "1.log").read_bytes() == b"new"
    assert not list((tmp_path / "log").glob(".snapshot-*"))


def test_commands_say_what_they_cannot_do(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch, found: Door) -> None:
    assert "exists already" in str(run("backup", str(place)).err)
    assert "no backup" in run("restore", str(place), "--data", str(place / "new")).err
    assert "days like" in run("archive", "list", "--from", "yesterday").err
    assert run("archive", "list").out.startswith("nothing of that is in the archive")
    monkeypatch.setenv("MISSION_CONTROL_CLICKHOUSE_URL", "http://127.0.0.1:9")
    assert "clickhouse_url" in run("backup", str(place / "new")).err


def test_no_store_no_backup(run: Run, place: Path) -> None:
    assert "there is no store" in run("backup", str(place / "new.tar")).err
    assert not list(place.glob(".new.tar*"))


class Rounds(Archive):
    """An archive whose rounds end as they are told to."""

    def __init__(self, *ends: Round | Exception) -> None:
        self.ends, self.held, self.files = list(ends), 0, ArchiveFiles(Path("nowhere"))

    def hold(self) -> None:
        self.held += 1

    def round(self) -> Round:
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def test_a_round_that_fails_is_repeated_soon(
    monkeypatch: pytest.MonkeyPatch, store: ClickHouseStore, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(archiving, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(archiving, "move_after", lambda store, days: [])
    made = Archiving(store, settings)
    rounds = Rounds(OSError("disk full"), Round(2, 5, 0))
    monkeypatch.setattr(made, "_archive", rounds)
    with caplog.at_level("INFO"):
        made.start()
        while rounds.ends:
            time.sleep(0.01)
        made.stop()
    assert rounds.held == 1
    assert [record.message for record in caplog.records if "archiv" in record.message] == [
        "archiving failed, the store deletes nothing meanwhile",
        "archived",
    ]


def test_without_an_archive_only_the_volumes_are_kept(monkeypatch: pytest.MonkeyPatch, store: ClickHouseStore, tmp_path: Path) -> None:
    moved: list[int] = []
    monkeypatch.setattr(archiving, "move_after", lambda store, days: moved.append(days))
    made = Archiving(store, load_settings(data_dir=tmp_path, archive_days=0))
    made.start()
    made.stop()
    assert moved == [7]


def test_what_is_wanted_is_read_from_words() -> None:
    from datetime import date

    asked = wanted({"project": "p", "tables": ["spans"], "from": "2030-01-01", "to": "2030-01-31"})
    assert (asked.project, asked.tables, asked.since, asked.until) == ("p", ("spans",), date(2030, 1, 1), date(2030, 1, 31))
    assert wanted({}).since == date.min
    with pytest.raises(BadArgumentsError):
        wanted({"to": "soon"})
