"""Where the generated files lie; needs nothing but this folder, so an installed command finds them too."""

import json
from pathlib import Path
from typing import Any, Final

GRAFANA: Final = Path(__file__).parent / "grafana"
"""Laid out as Grafana wants it: `dashboards/` for the JSON, `provisioning/` for its YAML."""


def dashboard_files() -> dict[str, dict[str, Any]]:
    """uid -> the dashboard's JSON, in the order of the uids."""
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]
    return {str(model["uid"]): model for model in loaded}
