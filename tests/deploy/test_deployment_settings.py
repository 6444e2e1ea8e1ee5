"""Compose, Helm and systemd say the same settings, and none that the table does not have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mission_control import deployment
from mission_control.service import STOP_SECONDS, Service, systemd_unit
from schemas.settings import Settings, load_settings
from tests.deploy.conftest import DEPLOY, ROOT

NAMES = {deployment.variable(name) for name in Settings.model_fields}
GRAFANAS = {"MISSION_CONTROL_SQL_HOST", "MISSION_CONTROL_DASHBOARDS", "MISSION_CONTROL_ALERT_WEBHOOK", "MISSION_CONTROL_URGENT_WEBHOOK"}
"""Of Grafana's provisioning files, not of ours."""
OF_COMPOSE = {"MISSION_CONTROL_IMAGE"}
ROLES = ("up", "collect", "process", "serve", "migrate")
WORD = re.compile(r"MISSION_CONTROL_[A-Z0-9_]*[A-Z0-9]")


def test_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert deployment.main(check=True) == 0, capsys.readouterr().err


def test_a_file_that_is_not_is_named_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = tmp_path / "helm" / "mission-control"
    chart.mkdir(parents=True)
    (chart / "chart.schema.json").write_text('{"properties": {}}')
    monkeypatch.setattr(deployment, "ROOT", tmp_path)
    assert deployment.main(check=True) == 1
    assert "settings.env is not up to date" in capsys.readouterr().err
    assert deployment.main(check=False) == 0
    assert deployment.main(check=True) == 0


def test_every_name_in_every_deployment_file_is_a_setting() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            unknown = set(WORD.findall(path.read_text())) - NAMES - GRAFANAS - OF_COMPOSE
            assert not unknown, f"{path.relative_to(ROOT)}: {sorted(unknown)}"


def test_the_environment_file_has_each_setting_once_with_its_default() -> None:
    lines = [line[1:].split("=", 1) for line in (DEPLOY / "settings.env").read_text().splitlines() if line.startswith("#MISSION")]
    assert [name for name, _ in lines] == [deployment.variable(name) for name in Settings.model_fields]


def test_its_defaults_are_what_the_settings_are_without_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    plain = load_settings()
    for line in (DEPLOY / "settings.env").read_text().splitlines():
        if line.startswith("#MISSION"):
            monkeypatch.setenv(*line[1:].split("=", 1))
    assert load_settings() == plain


def services(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose" / name).read_text())["services"])


@pytest.mark.parametrize("name", ["small.yaml", "full.yaml"])
def test_compose_gives_every_role_the_same_file_and_environment(name: str) -> None:
    ours = {role: service for role, service in services(name).items() if "command" in service}
    assert {tuple(service["command"]) for service in ours.values()} <= {(role,) for role in ROLES}
    for service in ours.values():
        assert service["env_file"] == [{"path": "../settings.env", "required": True}]
        assert service["read_only"] is True
        assert service["stop_grace_period"] == f"{STOP_SECONDS}s"
    assert len({json.dumps(service["environment"]) for service in ours.values()}) == 1


def test_grafana_gets_what_its_provisioning_files_ask_for() -> None:
    asked = {
        name
        for path in (ROOT / "dashboards" / "grafana" / "provisioning").rglob("*.yaml")
        for name in re.findall(r"\$(\w+)", path.read_text())
    }
    wanted = {name for name in asked if name.startswith("MISSION_CONTROL_")} - {"MISSION_CONTROL_CONSOLE_URL"}
    for name in ("small.yaml", "full.yaml"):
        assert wanted <= set(services(name)["grafana"]["environment"])


def directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, _, value in (line.partition("=") for line in unit.splitlines() if "=" in line):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_units_restart_and_stop_as_the_users_own_service_does(role: str) -> None:
    unit = directives((DEPLOY / "systemd" / f"mission-control-{role}.service").read_text())
    own = directives(systemd_unit(Service(Path("/opt/mission-control/bin/mission-control"), Path("/data"))))
    assert unit["ExecStart"] == [f"/opt/mission-control/bin/mission-control {role}"]
    assert unit["EnvironmentFile"] == ["/etc/mission-control/settings.env", "-/etc/mission-control/secrets.env"]
    assert unit["StateDirectory"] == [f"mission-control/{role}"]
    if role != "migrate":
        for name in ("Restart", "RestartSec", "KillMode", "TimeoutStopSec", "StartLimitIntervalSec", "StartLimitBurst"):
            assert unit[name] == own[name]
        assert unit.get("Requires", []) == ([] if role == "up" else ["mission-control-migrate.service"])


def test_the_volume_that_rows_move_to_has_its_name_everywhere() -> None:
    from schemas.store_volumes import WARM

    for path in (DEPLOY / "clickhouse").glob("*.xml"):
        assert f"<warm><disk>{WARM}</disk></warm>" in path.read_text()
    assert f"<warm><disk>{WARM}</disk></warm>" in (DEPLOY / "helm" / "mission-control" / "templates" / "altinity.yaml").read_text()
    assert f"TO VOLUME IF EXISTS '{WARM}'" in (ROOT / "schemas" / "migrations" / "0013_volumes.sql").read_text()
