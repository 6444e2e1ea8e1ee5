"""Every generated file and its text."""

import json
from pathlib import Path
from typing import Final

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.alerts.routing import contact_points, policies, templates
from dashboards.alerts.rules import groups
from dashboards.boards import boards
from dashboards.links import TAG
from dashboards.query import SOURCE_TYPE, SOURCE_UID

_HEAD: Final = "# Written by `make dashboards`; change `dashboards/` and run it again.\n"


def files() -> dict[Path, str]:
    """Path below `dashboards/grafana` -> text; the same text whenever the code is the same."""
    models = [board.model() for board in boards()]
    written = {Path("dashboards") / f"{model.uid}.json": as_json(model) for model in models}
    provisioning = Path("provisioning")
    return written | {
        provisioning / "datasources" / "mission-control.yaml": as_yaml(datasources()),
        provisioning / "dashboards" / "mission-control.yaml": as_yaml(providers()),
        provisioning / "alerting" / "rules.yaml": as_yaml({"apiVersion": 1, "groups": groups()}),
        provisioning / "alerting" / "contact-points.yaml": as_yaml({"apiVersion": 1, "contactPoints": contact_points()}),
        provisioning / "alerting" / "policies.yaml": as_yaml({"apiVersion": 1, "policies": policies()}),
        provisioning / "alerting" / "templates.yaml": as_yaml({"apiVersion": 1, "templates": templates()}),
    }


def datasources() -> dict[str, object]:
    """The SQL endpoint as a data source; host, port, and password come from Grafana's environment."""
    return {
        "apiVersion": 1,
        "prune": True,
        "datasources": [
            {
                "name": "Mission Control",
                "uid": SOURCE_UID,
                "type": SOURCE_TYPE,
                "access": "proxy",
                "orgId": 1,
                "editable": False,
                "jsonData": {
                    "host": "$MISSION_CONTROL_SQL_HOST",
                    "port": "$MISSION_CONTROL_SQL_PORT",
                    "protocol": "http",
                    "username": "default",
                    "defaultDatabase": "mission_control",
                    "queryTimeout": "30",
                },
                "secureJsonData": {"password": "$MISSION_CONTROL_API_KEY"},
            }
        ],
    }


def providers() -> dict[str, object]:
    """Where Grafana finds the dashboards."""
    provider = {
        "name": TAG,
        "orgId": 1,
        "folder": "Mission Control",
        "folderUid": TAG,
        "type": "file",
        "disableDeletion": True,
        "updateIntervalSeconds": 30,
        "allowUiUpdates": False,
        "options": {"path": "$MISSION_CONTROL_DASHBOARDS", "foldersFromFilesStructure": False},
    }
    return {"apiVersion": 1, "providers": [provider]}


def as_json(model: object) -> str:
    return json.dumps(model, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def as_yaml(content: dict[str, object]) -> str:
    plain = json.loads(json.dumps(content, cls=JSONEncoder))
    text: str = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, width=200, allow_unicode=True)
    return _HEAD + text


class _Dumper(yaml.SafeDumper):
    """SQL and templates keep their lines."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
