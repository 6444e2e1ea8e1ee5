"""The generated files, read as Grafana reads them: complete, consistent, up to date."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from control.sql_catalog import VIEWS
from dashboards.__main__ import behind, main, write
from dashboards.files import GRAFANA, dashboard_files
from dashboards.generate import files
from dashboards.query import SOURCE_UID
from tests.dashboards.grafana_queries import Json, other_jobs, panel_jobs, panels
from tests.dashboards.own_names import existing, named

ROOT = Path(__file__).parents[2]
MODELS = dashboard_files()
MACROS = {"timeFilter", "timeInterval", "interval_s", "fromTime", "toTime", "conditionalAll"}
"""Those that both Grafana's plugin and our test program know."""
EVERY_BOARD = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def provisioned(path: str) -> Json:
    loaded: Json = yaml.safe_load((GRAFANA / "provisioning" / path).read_text(encoding="utf-8"))
    return loaded


def rules() -> list[Json]:
    return [rule for group in provisioned("alerting/rules.yaml")["groups"] for rule in group["rules"]]


def alert_sql() -> dict[str, str]:
    return {rule["uid"]: rule["data"][0]["model"]["rawSql"] for rule in rules()}


def test_files_are_up_to_date() -> None:
    assert behind(GRAFANA, files()) == []
    checked = subprocess.run([sys.executable, "-m", "dashboards", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_generating_twice_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert "behind: " in capsys.readouterr().err
    assert main([], tmp_path) == 0
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "dashboards" / "gone.json").write_text("{}")
    write(tmp_path, files())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == first


def test_the_wanted_dashboards_are_there() -> None:
    wanted = "fleet threads thread mcps permissions cost errors logs relationships directives ingest itself slos capacity"
    assert MODELS.keys() == {f"mc-{name}" for name in wanted.split()}
    assert len({model["title"] for model in MODELS.values()}) == len(MODELS)


@EVERY_BOARD
def test_the_sdk_reads_what_it_wrote(model: Json) -> None:
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(model), cls=JSONEncoder))
    assert again.keys() == model.keys()
    assert [panel.keys() for panel in again["panels"]] == [panel.keys() for panel in model["panels"]]


@EVERY_BOARD
def test_panels_say_what_they_show(model: Json) -> None:
    every = list(panels(model))
    assert len({panel["id"] for panel in model["panels"]}) == len(model["panels"])
    assert len({(panel["type"], panel["title"]) for panel in every}) == len(every)
    for panel in every:
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], panel["title"]
        assert panel["datasource"]["uid"] == SOURCE_UID
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0


@EVERY_BOARD
def test_panels_do_not_overlap(model: Json) -> None:
    places = [panel["gridPos"] for panel in model["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for a, b in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart, (a, b)


def queries(model: Json) -> Iterator[tuple[str, str]]:
    yield from ((job.name, job.sql) for job in [*panel_jobs(model), *other_jobs(model)])


@EVERY_BOARD
def test_variables_are_defined_and_quoted(model: Json) -> None:
    defined = {variable["name"] for variable in model["templating"]["list"]}
    for name, sql in queries(model):
        used = re.findall(r"\$\{(\w+)(?::(\w+))?\}", sql)
        assert {variable for variable, _ in used} <= defined, name
        assert {quoting for _, quoting in used} <= {"singlequote"}, name
        without = re.sub(r"\$\{\w+:singlequote\}|\$__\w+|, \$(mcp|search)\)", "", sql)
        assert "$" not in without, name
    whole = json.dumps([model["panels"], model["links"]])
    in_links = set(re.findall(r"\$\{(\w+):(?:queryparam|percentencode|raw)\}", whole))
    assert in_links <= defined


@EVERY_BOARD
def test_queries_name_views_and_macros_that_exist(model: Json) -> None:
    for name, sql in queries(model):
        check_sql(name, sql)


def check_sql(name: str, sql: str) -> None:
    read = re.findall(r"\b(?:FROM|JOIN)\s+([a-z_.]+)", sql)
    ctes = set(re.findall(r"(\w+) AS \(", sql))
    assert {table for table in read if table not in ctes} <= {f"mission_control.{view}" for view in VIEWS}, name
    assert set(re.findall(r"\$__(\w+)", sql)) <= MACROS, name


@EVERY_BOARD
def test_links_lead_somewhere(model: Json) -> None:
    for url in addresses(model):
        if url.startswith("/d/"):
            target = MODELS[url.removeprefix("/d/").partition("?")[0]]
            wanted = set(re.findall(r"&var-(\w+)=", url)) | {"project"}
            assert wanted <= {variable["name"] for variable in target["templating"]["list"]}, url
            assert "${__url_time_range}" in url
        else:
            assert re.match(r"\$\{console:raw\}/#/(threads|logs)(/\$\{__value\.raw\})?\?project=", url), url


def addresses(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        if isinstance(content.get("url"), str):
            yield content["url"]
        for value in content.values():
            yield from addresses(value)
    elif isinstance(content, list):
        for value in content:
            yield from addresses(value)


def test_boards_lead_to_each_other_and_to_the_console() -> None:
    for uid, model in MODELS.items():
        found = list(addresses(model))
        assert any(url.startswith("/d/") for url in found) or uid == "mc-logs"
        assert any("/#/" in url for url in found)
    linked = {url.removeprefix("/d/").partition("?")[0] for model in MODELS.values() for url in addresses(model) if url.startswith("/d/")}
    assert MODELS.keys() - linked <= {"mc-slos", "mc-ingest"}, "found by the menu only"


def test_metrics_exist() -> None:
    have = existing()
    for name, kind, label in named():
        assert name in have, name
        assert have[name][0] == kind
        assert not label or label in have[name][1], name
    assert "mission_control_log_refused_total" in have


def test_rules_are_complete() -> None:
    every = rules()
    assert len({rule["uid"] for rule in every}) == len({rule["title"] for rule in every}) == len(every)
    for rule in every:
        page = rule["annotations"]["runbook_url"].removeprefix("${MISSION_CONTROL_DOCS}/")
        assert (ROOT / "docs" / page).read_text(encoding="utf-8").startswith(f"# {rule['title']}\n"), page
        assert any(panel["id"] == rule["panelId"] for panel in panels(MODELS[rule["dashboardUid"]]))
        assert rule["labels"]["severity"] in ("warn", "critical")
        assert [part["refId"] for part in rule["data"]] == ["A", "B", "C"]
        assert rule["data"][0]["datasourceUid"] == SOURCE_UID
        assert rule["noDataState"] == ("Alerting" if rule["uid"] == "mc-deadman" else "OK")
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == {rule["uid"].removeprefix("mc-") for rule in every}


def test_rules_ask_for_nothing_that_a_person_chooses() -> None:
    for name, sql in alert_sql().items():
        check_sql(name, sql)
        assert "${" not in sql
        assert "conditionalAll" not in sql


def test_alerts_reach_somebody() -> None:
    points = {point["name"] for point in provisioned("alerting/contact-points.yaml")["contactPoints"]}
    (policy,) = provisioned("alerting/policies.yaml")["policies"]
    assert {policy["receiver"], *(route["receiver"] for route in policy["routes"])} == points
    words = provisioned("alerting/templates.yaml")["templates"][0]["template"]
    used = set(
        re.findall(r'template "([\w.-]+)"', (GRAFANA / "provisioning" / "alerting" / "contact-points.yaml").read_text(encoding="utf-8"))
    )
    assert used == set(re.findall(r'define "([\w.-]+)"', words))


def test_the_data_source_is_the_one_that_panels_name() -> None:
    (source,) = provisioned("datasources/mission-control.yaml")["datasources"]
    assert source["uid"] == SOURCE_UID
    assert source["jsonData"]["protocol"] == "http"
    (provider,) = provisioned("dashboards/mission-control.yaml")["providers"]
    assert provider["allowUiUpdates"] is False
