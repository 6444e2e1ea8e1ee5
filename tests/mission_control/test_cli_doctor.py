"""`doctor`: each finding, right and wrong, and what it says to do."""

import os
import socket
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from mission_control.client import Api, Target
from mission_control.commands import checks, round_trip
from mission_control.runfile import RunFile, RunInfo
from schemas.settings import Settings, load_settings
from tests.mission_control.conftest import Answer, Door, Run

READY = Answer({"ready": True, "checks": {"store": "ok"}})


def test_python_and_packages() -> None:
    assert checks.python().status == "ok"
    assert checks.python((3, 9, 1)).status == "fail"
    assert checks.packages().status == "ok"
    wrong = checks.packages(["no-such-package>=1", "typer>=999", "httpx[http2]>=0.1", "rich", 'gone>=1; python_version < "3"'])
    assert wrong.status == "fail"
    assert wrong.found.startswith("no-such-package is missing; typer is ")
    assert wrong.found.endswith("older than 999")


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "version", missing)
    assert checks.packages().found == "mission-control is not installed"


def missing(name: str) -> str:
    raise PackageNotFoundError(name)


def test_the_data_directory_is_looked_at_and_not_made(tmp_path: Path) -> None:
    wanted = tmp_path / "not" / "yet"
    assert checks.data_directory(wanted, 0).status in ("ok", "warn")
    assert checks.data_directory(wanted, 1 << 60).status == "fail"
    assert checks.disk_sync(wanted, 3).found.endswith(" ms")
    assert not (tmp_path / "not").exists()


def test_little_space_and_a_slow_disk_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FREE_BYTES", 1 << 60)
    monkeypatch.setattr(checks, "SLOW_SYNC_MS", -1.0)
    assert checks.data_directory(tmp_path, 0).status == "warn"
    assert checks.disk_sync(tmp_path, 3).status == "warn"
    assert checks.disk_sync(tmp_path, 3).advice
    monkeypatch.setattr(checks, "FREE_BYTES", 0)
    assert checks.data_directory(tmp_path, 0).status == "ok"


def test_what_is_no_directory_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert checks.data_directory(file, 0).status == "fail"
    assert checks.disk_sync(file).status == "fail"


def test_run_json(tmp_path: Path) -> None:
    assert checks.run_file(tmp_path).status == "warn"
    file = RunFile(tmp_path)
    file.write(RunInfo(os.getpid()))
    assert checks.run_file(tmp_path).status == "ok"
    file.path.chmod(0o644)
    assert checks.run_file(tmp_path).status == "fail"
    file.write(RunInfo(2**22 + 5))
    assert "without removing it" in checks.run_file(tmp_path).found


def settings(**given: object) -> Settings:
    return load_settings(**given)


def test_ports_are_ours_or_free_or_taken(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        found = checks.ports(
            settings(port=number, otlp_http_port=0, otlp_grpc_port=0, sql_port=number), Target("", sql="http://127.0.0.1:1")
        )
    assert [one.status for one in found] == ["fail", "ok", "ok", "ok"]
    assert found[0].advice == "end what listens there, or choose another with --port"
    assert [one.found for one in found][1::2] == ["any free one", "http://127.0.0.1:1 is ours"]
    free = checks.ports(settings(host="::1" if socket.has_dualstack_ipv6() else "127.0.0.1", port=number), None)
    assert free[0].found.endswith("is free")


TARGET = Target("http://127.0.0.1:8000", otlp_http="http://127.0.0.1:4318", otlp_grpc="http://127.0.0.1:4317")


@pytest.mark.parametrize(
    ("variables", "target", "status", "advice"),
    [
        ({}, None, "ok", ""),
        ({"OTEL_SDK_DISABLED": "TRUE"}, TARGET, "warn", "unset OTEL_SDK_DISABLED"),
        ({"OTEL_TRACES_EXPORTER": "none"}, TARGET, "warn", "unset them"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, TARGET, "ok", ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, TARGET, "ok", ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, TARGET, "warn", "4317"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://example.org/v1/traces"}, TARGET, "warn", "export OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:port"}, TARGET, "warn", "export OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, None, "warn", "nothing runs"),
    ],
)
def test_variables_of_opentelemetry(variables: dict[str, str], target: Target | None, status: str, advice: str) -> None:
    found = checks.environment(variables, target)
    assert found.status == status
    assert advice in found.advice


def test_health_and_readiness(door: Door) -> None:
    door.on("GET", "/health", Answer({"status": "ok"}), Answer(b"", 500))
    busy = Answer({"ready": False, "checks": {"store": "ok", "log": "disk full"}}, 503)
    door.on("GET", "/ready", READY, busy, Answer(b"<html>"), Answer([1]))
    with Api(door.target()) as api:
        assert [round_trip.health(api).status for _ in range(2)] == ["ok", "fail"]
        found = [round_trip.ready(api) for _ in range(4)]
    assert [one.status for one in found] == ["ok", "fail", "fail", "fail"]
    assert found[1].found == "log: disk full"
    with Api(Target("http://127.0.0.1:1")) as api:
        assert round_trip.health(api).status == "fail"


def test_the_token_is_tried(door: Door) -> None:
    door.on("GET", "/api/projects", Answer({"items": []}), Answer({"detail": "wrong"}, 401))
    with Api(door.target()) as api:
        assert [round_trip.token(api).status for _ in range(2)] == ["ok", "fail"]


def test_the_grpc_port_answers_or_not(door: Door) -> None:
    with Api(door.target()) as api:
        assert round_trip.grpc(api).status == "ok"
    with Api(door.target(otlp_grpc="http://127.0.0.1:1")) as api:
        assert round_trip.grpc(api).status == "fail"


def test_clocks_that_differ(door: Door) -> None:
    door.on("POST", "/", Answer({"data": [{"now": 1000.0}]}), Answer(b"Code: 516", 403))
    with Api(door.target(token="")) as api:
        assert round_trip.clock(api).status == "warn"
        assert round_trip.clock(api).status == "fail"


def test_a_span_that_never_shows(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_trip, "SEEN_SECONDS", 0.1)
    door.on("POST", "/v1/traces", Answer(b"{}"), Answer(b"no", 503))
    door.on("POST", "/", Answer({"data": []}))
    with Api(door.target()) as api:
        assert "not in SQL after 0.1 s" in round_trip.round_trip(api).found
        assert "answered 503" in round_trip.round_trip(api).found
    with Api(door.target(otlp_http="http://127.0.0.1:1")) as api:
        assert round_trip.round_trip(api).status == "fail"
    assert door.asked[0].headers["x-mission-control-project"] == "doctor"


def test_nothing_running_fails_with_advice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "SQL_PORT"):
        monkeypatch.setenv(f"MISSION_CONTROL_{name}", "0")
    ran = run("doctor")
    assert ran.code == 1
    assert "running: start one with `mission-control up`" in ran.out


def test_a_dead_console_is_found_once(run: Run) -> None:
    found = run("doctor", "--json", "--url", "http://127.0.0.1:1").json()
    assert [one["check"] for one in found if one["status"] == "fail"] == ["health"]
    assert "run.json" not in [one["check"] for one in found]


def test_a_system_that_dies_while_it_is_looked_at(run: Run, found: Door) -> None:
    found.on("GET", "/health", Answer({"status": "ok"}))
    found.on("GET", "/ready", READY)
    findings = {one["check"]: one["status"] for one in run("doctor", "--json").json()}
    assert findings["health"] == "ok"
    assert findings["token"] == "fail"
    assert findings["round trip"] == "fail"
