"""What `make dist` builds is complete, and installs and starts in an environment of its own."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"schemas", "collectors", "pipeline", "mcps", "control", "operations", "dashboards", "mission_control", "demo", "console"}
VENDOR = {f"console/vendor/{name}.js" for name in ("preact", "hooks", "signals", "htm")}


def uv(*words: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--no-build-isolation", "--python", sys.executable, "--sdist", "--wheel", "--out-dir", out, ".")
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.mark.slow
def test_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} <= ROOMS
    assert names >= VENDOR
    assert names >= {f"schemas/migrations/{path.name}" for path in (ROOT / "schemas/migrations").glob("*.sql")}
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]


@pytest.mark.slow
def test_sdist_can_be_built_from(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= VENDOR | {"pyproject.toml", "README.md", "schemas/settings.py"}


@pytest.mark.slow
def test_installed_wheel_starts(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    uv("venv", "--quiet", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--constraint", ROOT / "requirements" / "run.txt", wheel)
    command = environment / "bin" / "mission-control"
    for option, expected in (("--version", "0.1.0"), ("--help", "up")):
        done = subprocess.run([command, option], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
