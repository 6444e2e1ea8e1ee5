"""The archive's files in a backup: linked or copied, verified, put back as often as it takes."""

import os
from pathlib import Path

import pytest

from operations import archive_copy
from operations.archive_copy import copy_archive, put_archive_back
from operations.errors import BackupError

FILE = "logs/project=p%2Fq/day=2030-01-31/30.parquet"
MARK = "logs/project=p%2Fq/day=2030-01-31/99.restored"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    place = tmp_path / "archive"
    (place / FILE).parent.mkdir(parents=True)
    (place / FILE).write_bytes(b"rows")
    (place / MARK).touch()
    (place / FILE).with_suffix(".new").write_bytes(b"half")
    return place


def test_whole_files_are_linked_and_come_back(archive: Path, tmp_path: Path) -> None:
    held = copy_archive(archive, tmp_path / "backup")
    assert sorted(held) == [FILE, MARK]
    assert (tmp_path / "backup" / FILE).samefile(archive / FILE)
    put_archive_back(tmp_path / "backup", held, tmp_path / "back")
    assert copy_archive(tmp_path / "back", tmp_path / "again") == held
    assert not (tmp_path / "back" / FILE).samefile(archive / FILE), "a backup shares nothing with what runs on its copy"


def test_no_archive_is_nothing(tmp_path: Path) -> None:
    assert copy_archive(tmp_path / "archive", tmp_path / "backup") == {}


def test_where_links_cannot_be_made_files_are_copied(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, place: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    held = copy_archive(archive, tmp_path / "backup")
    assert sorted(held) == [FILE, MARK]
    assert (tmp_path / "backup" / FILE).read_bytes() == b"rows"


def test_a_file_that_grew_too_old_meanwhile_is_left_out(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_copy, "_names", lambda place: iter([FILE, "logs/project=p/day=2029-01-31/30.parquet"]))
    assert list(copy_archive(archive, tmp_path / "backup")) == [FILE]


def test_what_a_death_left_half_done_is_done_again(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = copy_archive(archive, tmp_path / "backup")
    back = tmp_path / "back"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            put_archive_back(tmp_path / "backup", held, back)
    assert not (back / FILE).exists()
    for _ in range(2):
        put_archive_back(tmp_path / "backup", held, back)
        assert (back / FILE).read_bytes() == b"rows"


def die(source: Path, place: Path) -> None:
    raise KeyboardInterrupt


def test_damage_and_what_stands_in_the_way_are_told(archive: Path, tmp_path: Path) -> None:
    held = copy_archive(archive, tmp_path / "backup")
    (tmp_path / "other" / FILE).parent.mkdir(parents=True)
    (tmp_path / "other" / FILE).write_bytes(b"else")
    with pytest.raises(BackupError, match="there already, with another content"):
        put_archive_back(tmp_path / "backup", held, tmp_path / "other")
    (tmp_path / "backup" / FILE).unlink()
    with pytest.raises(BackupError, match="is missing"):
        put_archive_back(tmp_path / "backup", held, tmp_path / "back")
    (tmp_path / "backup" / FILE).write_bytes(b"rowz")
    with pytest.raises(BackupError, match="fails its checksum"):
        put_archive_back(tmp_path / "backup", held, tmp_path / "back")
    assert not any(path.is_file() for path in (tmp_path / "back").rglob("*"))
