"""What `deploy/` knows of the settings, written from the table itself: `python -m mission_control.deployment [--check]`.

- `deploy/settings.env`: every setting with its default, for systemd's EnvironmentFile and for compose's env_file.
- `deploy/helm/mission-control/values.schema.json`: the chart takes exactly these settings, with these types.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from schemas.settings import Settings

ROOT: Final = Path(__file__).parent.parent / "deploy"
PREFIX: Final = "MISSION_CONTROL_"
SECRETS: Final = tuple(name for name, field in Settings.model_fields.items() if field.annotation is SecretStr)
"""Never in a file that is committed or shown: they come from the unit's credentials, compose's environment, an existing Secret."""
_HEADER: Final = """\
# Every setting of Mission Control with its default; take the # away to change one. Written from the table of settings.
# Secrets (marked so) belong into a file of mode 0600 beside this one, or into the environment.
"""


def variable(setting: str) -> str:
    return PREFIX + setting.upper()


def environment_file() -> str:
    """For systemd and compose alike."""
    lines = [_HEADER]
    for name, field in Settings.model_fields.items():
        secret = " Secret." if name in SECRETS else ""
        lines.append(f"# {field.description}{secret}\n#{variable(name)}={_default(field.get_default())}\n")
    return "\n".join(lines)


def _default(value: Any) -> str:
    """As the environment has to say it."""
    if value is None or isinstance(value, SecretStr) or value.__class__.__name__ == "PydanticUndefinedType":
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def values_schema(chart: Mapping[str, Any]) -> dict[str, Any]:
    """The chart's own schema with the settings in it; the chart says nothing about them itself."""
    properties = Settings.model_json_schema()["properties"]
    known = {name: _typed(properties[name]) for name in Settings.model_fields if name not in SECRETS}
    settings = {
        "type": "object",
        "additionalProperties": False,
        "properties": known,
        "description": "Settings by name, without the secrets.",
    }
    return {**chart, "properties": {**chart["properties"], "settings": settings}}


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Titles and defaults are the table's business; formats (paths) no validator of Helm knows."""
    kept = {
        name: value for name, value in schema.items() if name not in ("title", "default", "format", "prefixItems", "maxItems", "minItems")
    }
    if "anyOf" in kept:
        kept["anyOf"] = [_typed(one) for one in kept["anyOf"]]
    return kept


def generated() -> dict[Path, str]:
    """Path → contents."""
    chart = ROOT / "helm" / "mission-control"
    own = json.loads((chart / "chart.schema.json").read_text())
    return {
        ROOT / "settings.env": environment_file(),
        chart / "values.schema.json": json.dumps(values_schema(own), indent=2) + "\n",
    }


def main(check: bool) -> int:
    """0, or 1 when `check` finds a file that is not as it would be written."""
    wrong = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    for path in wrong:
        if check:
            print(f"{path} is not up to date; run `python -m mission_control.deployment`", file=sys.stderr)
        else:
            path.write_text(generated()[path])
    return int(check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
