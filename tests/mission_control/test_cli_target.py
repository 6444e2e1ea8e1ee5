"""How commands find the running system, what they say when there is none, and how every error ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mission_control.commands import group
from mission_control.commands.target import find
from mission_control.errors import NothingRunningError
from mission_control.runfile import RunFile, RunInfo
from schemas.errors import SettingsError
from schemas.settings import load_settings
from tests.mission_control.conftest import TOKEN, Answer, Door, Run

HEAVY = {"chdb", "clickhouse_connect", "fastapi", "uvicorn", "pyarrow", "grpc", "sqlglot", "opentelemetry.sdk"}


def test_help_and_clients_import_nothing_heavy() -> None:
    script = "import sys, mission_control.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_version_and_help(run: Run) -> None:
    assert run("--version").out.startswith("mission-control 0.")
    shown = run("--help").out
    for name in (
        "up",
        "demo",
        "threads",
        "thread",
        "logs",
        "permissions",
        "mcps",
        "sql",
        "doctor",
        "login",
        "dead-letters",
        "migrate",
        "service",
    ):
        assert f" {name} " in shown
    assert run().code == 2


def test_run_json_of_the_default_directory(found: Door) -> None:
    target = find("", "", None)
    assert (target.console, target.token, target.sql, target.key) == (found.url, TOKEN, found.url, "")


def test_data_names_another_directory(found: Door, tmp_path_factory: pytest.TempPathFactory, place: Path) -> None:
    other = tmp_path_factory.mktemp("other")
    RunFile(other).write(RunInfo(os.getpid(), "http://127.0.0.1:9", token="other"))
    assert find("", "", other).token == "other"
    assert find("", "mine", None).token == "mine"


def test_the_environment_comes_before_run_json_and_options_before_it(found: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISSION_CONTROL_URL", "https://example.org:8443/")
    monkeypatch.setenv("MISSION_CONTROL_TOKEN", "from the environment")
    monkeypatch.setenv("MISSION_CONTROL_SQL_PORT", "9000")
    monkeypatch.setenv("MISSION_CONTROL_API_KEY", "the key")
    target = find("", "", None)
    assert (target.console, target.token, target.sql, target.otlp_http, target.key) == (
        "https://example.org:8443",
        "from the environment",
        "https://example.org:9000",
        "https://example.org:4318",
        "the key",
    )
    assert find("[::1]:8000", "option", None).otlp_grpc == "http://[::1]:4317"
    assert find("[::1]:8000", "option", None).token == "option"


def test_the_url_of_run_json_brings_its_token_and_ports(found: Door) -> None:
    target = find(found.url + "/", "", None)
    assert (target.token, target.sql) == (TOKEN, found.url)


@pytest.mark.parametrize("url", ["http://[", "ftp://host", "://"])
def test_what_is_no_url_is_a_usage_error(run: Run, url: str) -> None:
    ran = run("threads", "--url", url)
    assert ran.code == 2
    assert "is no URL" in ran.err


def test_nothing_running_is_exit_status_3(run: Run, place: Path) -> None:
    ran = run("threads")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"mission-control: no running Mission Control found in {place}; start one with `mission-control up`\n"


def test_a_role_without_console_is_nothing_to_talk_to(place: Path) -> None:
    RunFile(place).write(RunInfo(os.getpid(), otlp_http="http://127.0.0.1:1"))
    with pytest.raises(NothingRunningError):
        find("", "", None)


def test_no_answer_is_exit_status_3(run: Run) -> None:
    ran = run("threads", "--url", "http://127.0.0.1:1")
    assert ran.code == 3
    assert ran.err.startswith("mission-control: nothing answers at http://127.0.0.1:1/api/threads: ")


def test_a_refusal_is_exit_status_1_and_cannot_act_on_the_terminal(run: Run, found: Door) -> None:
    found.on("GET", "/api/threads", Answer({"detail": "no \x1b[31mway"}, 401))
    ran = run("threads")
    assert (ran.code, ran.err) == (1, "mission-control: no \\x1b[31mway (401)\n")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MISSION_CONTROL_PORT", "lots", "port: Input should be a valid integer"),
        ("MISSION_CONTROL_RETENTION_DAYS_PROJECTS", "{", "retention_days_projects: is not JSON"),
        ("MISSION_CONTROL_TLS_CLIENT_DOORS", "attic", "tls_client_doors.0: Input should be 'otlp'"),
        ("MISSION_CONTROL_ALLOWED_HOSTS", '["open', "allowed_hosts: "),
    ],
)
def test_wrong_settings_are_one_line_and_a_usage_error(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    ran = run("threads")
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port: [", "mission_control.yml: "),
        ("prot: 1", "prot: there is no such setting; perhaps port is meant"),
        ("zzzzzz: 1", "zzzzzz: there is no such setting; docs/reference/settings.md"),
        ("just words", "mission_control.yml: holds no settings"),
        ("- port", "mission_control.yml: holds no settings"),
    ],
)
def test_a_wrong_settings_file_is_one_line(run: Run, place: Path, text: str, said: str) -> None:
    (place / "mission_control.yml").write_text(text)
    ran = run("up")
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_secrets_are_not_shown(run: Run, place: Path) -> None:
    (place / "mission_control.yml").write_text("api_key: [hush]")
    ran = run("up")
    assert ran.code == 2
    assert "hush" not in ran.err


def test_up_refuses_what_is_no_port(run: Run) -> None:
    assert run("up", "--port", "65536").code == 2


def test_up_wants_a_key_before_others_can_reach_it(run: Run) -> None:
    ran = run("up", "--host", "0.0.0.0")
    assert ran.code == 2
    assert "MISSION_CONTROL_API_KEY" in ran.err


def test_a_directory_that_cannot_be_used_is_one_line() -> None:
    assert group.exit_code(PermissionError(13, "Permission denied", "place/x")) == 1
    assert group.describe(PermissionError(13, "Permission denied", "place/x")) == "place/x: Permission denied"
    assert group.exit_code(SettingsError("host", "wrong")) == 2


def test_up_says_where_it_cannot_keep_its_data(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    ran = run("up", "--data", str(tmp_path / "a-file" / "data"), "--port", "0")
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == f"mission-control: {tmp_path}/a-file/data: Not a directory"


def test_settings_are_the_same_for_up_and_its_clients(place: Path) -> None:
    assert load_settings().data_dir == place
