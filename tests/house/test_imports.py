"""The import contracts of pyproject.toml refuse what they are there to refuse."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("mission_control", "collectors", "pipeline", "control", "operations", "dashboards", "mcps", "schemas", "demo")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache', '--no-logo'])"


def lint(directory: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for room in ROOMS:
        (directory / room).mkdir()
        (directory / room / "__init__.py").touch()
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", directory)
    environment = {"PYTHONPATH": str(directory), "PATH": ""}
    return subprocess.run([sys.executable, "-c", LINT], cwd=directory, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("schemas/words.py", "import control", id="the lowest room imports a higher one"),
        pytest.param("collectors/server.py", "import pipeline", id="rooms on one level"),
        pytest.param("mcps/session.py", "import control", id="mcps imports a room above"),
        pytest.param("control/queries.py", "import clickhouse_connect", id="another opener of ClickHouse"),
        pytest.param("schemas/migrate.py", "import chdb", id="another opener inside schemas"),
        pytest.param("demo/fleet.py", "import schemas", id="the demo knows our words"),
        pytest.param("demo/fleet.py", "from mission_control import main", id="the demo knows more than emit"),
        pytest.param("pipeline/write.py", "from mission_control import main", id="a room imports the command"),
    ],
)
def test_refused(tmp_path: Path, file: str, text: str) -> None:
    done = lint(tmp_path, {"mission_control/main.py": "", file: text})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_allowed(tmp_path: Path) -> None:
    files = {
        "mission_control/emit.py": "import json",
        "mission_control/app.py": "import collectors, pipeline, control, schemas.store",
        "demo/fleet.py": "from mission_control import emit",
        "schemas/store.py": "import clickhouse_connect",
        "control/queries.py": "import mcps\nfrom schemas import store",
    }
    done = lint(tmp_path, files)
    assert done.returncode == 0, done.stdout + done.stderr
