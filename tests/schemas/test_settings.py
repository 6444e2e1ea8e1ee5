"""Settings: option before environment before file before default."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.errors import SettingsError
from schemas.settings import load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8000
    (tmp_path / "mission_control.yml").write_text("port: 1111\nsql_port: 2222\nretention_days_projects:\n  demo:\n    spans: 2\n")
    assert (load_settings().port, load_settings().sql_port) == (1111, 2222)
    monkeypatch.setenv("MISSION_CONTROL_PORT", "3333")
    assert (load_settings().port, load_settings().sql_port) == (3333, 2222)
    assert (load_settings(port=4444).port, load_settings(port=None).port) == (4444, 3333)
    monkeypatch.setenv("MISSION_CONTROL_PORT", "")
    assert load_settings().port == 1111


def test_retention_has_exceptions_by_project_and_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISSION_CONTROL_RETENTION_DAYS_PROJECTS", '{"demo": {"spans": 2, "logs": 0}}')
    settings = load_settings(retention_days_logs=9)
    assert settings.retention_days("demo", "spans") == 2
    assert settings.retention_days("demo", "logs") == 0
    assert settings.retention_days("demo", "metrics") == settings.retention_days_metrics
    assert (settings.retention_days("other", "logs"), settings.retention_days("other", "permissions")) == (9, 365)


@pytest.mark.parametrize("text", ['["a.example", "b.example"]', "a.example,b.example", " a.example , b.example,"])
def test_lists_come_as_json_or_separated_by_commas(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MISSION_CONTROL_ALLOWED_HOSTS", text)
    assert load_settings().allowed_hosts == ("a.example", "b.example")


def test_lists_in_the_file_are_lists(tmp_path: Path) -> None:
    (tmp_path / "mission_control.yml").write_text("tls_client_doors: [sql]\ncors_origins: http://a.example\n")
    settings = load_settings()
    assert (settings.tls_client_doors, settings.cors_origins) == (("sql",), ("http://a.example",))


def test_a_file_without_settings_is_refused_and_an_empty_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "mission_control.yml").write_text("# nothing\n")
    assert load_settings().port == 8000
    (tmp_path / "mission_control.yml").write_text("just words")
    with pytest.raises(SettingsError, match="holds no settings"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 70_000),
        ("port", -1),
        ("log_level", "LOUD"),
        ("durability", "hope"),
        ("inserts_per_second", 0),
        ("no_such_setting", 1),
        ("retention_days_spans", 0),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        load_settings(**{name: value})


def test_settings_do_not_change_and_keep_secrets() -> None:
    settings = load_settings(api_key="hush")
    with pytest.raises(ValidationError):
        settings.port = 1
    assert "hush" not in repr(settings)
    assert settings.api_key.get_secret_value() == "hush"
    assert settings.data_dir.is_absolute()
