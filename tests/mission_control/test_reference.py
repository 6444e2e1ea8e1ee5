"""The reference pages list what the code has, and rot is noticed."""

from pathlib import Path

import pytest

from mission_control import reference
from schemas import topics
from schemas.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_setting_is_listed_with_its_description() -> None:
    written = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` | `MISSION_CONTROL_{name.upper()}` |" in written
        assert field.description, f"{name} has no description"


def test_every_topic_is_listed() -> None:
    written = (ROOT / "docs/reference/topics.md").read_text(encoding="utf-8")
    assert all(f"`{topic}`" in written for topic in (*topics.SIGNALS, topics.SOURCE_HEADER))


def test_secrets_and_paths_of_this_machine_are_not_written() -> None:
    page = reference.settings_page()
    assert str(Path.home()) not in page
    assert "`sentry_dsn` | `MISSION_CONTROL_SENTRY_DSN` | none |" in page


def test_cells_stay_in_their_row() -> None:
    assert reference.table(("a",), [("one | two\nthree",)]).splitlines()[2] == "| one \\| two three |"


def test_check_tells_which_page_is_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check"], tmp_path) == 1
    assert "settings.md is not what the code says; run `make docs`" in capsys.readouterr().err
    assert reference.main([], tmp_path) == 0
    assert reference.main(["--check"], tmp_path) == 0
    (tmp_path / "settings.md").write_text("old")
    assert reference.outdated(tmp_path) == ["settings.md"]
