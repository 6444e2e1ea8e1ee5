"""A seeded store behind the SQL endpoint, and the Go program that asks it as Grafana would."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.store import ClickHouseStore
from tests.control.sql_fixtures import serving
from tests.dashboards.grafana_queries import Page
from tests.dashboards.own_names import own_metrics
from tests.dashboards.seed import seed

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "panelrun"
BUILT = ROOT / ".make" / "panelrun"
PROJECT = "grafana-shop"


@pytest.fixture(scope="session")
def panelrun() -> Path:
    """The program, built anew when its sources changed. Without Go: an error in continuous integration, else a skip."""
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        message = "panelrun needs Go >= 1.26 on the PATH: the queries of dashboards and alert rules were NOT run"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    program = BUILT / "panelrun"
    newest = max(path.stat().st_mtime for path in SOURCES.iterdir())
    if not program.exists() or program.stat().st_mtime < newest:
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.copytree(SOURCES, BUILT)
        for words in (("mod", "tidy"), ("vet", "."), ("test", "."), ("build", "-buildvcs=false", "-o", "panelrun", ".")):
            done = subprocess.run([go, *words], cwd=BUILT, capture_output=True, text=True, timeout=900, check=False)
            assert done.returncode == 0, f"go {' '.join(words)}: {done.stdout}{done.stderr}"
    return program


@dataclass(frozen=True)
class Shop:
    """The seeded project: where to ask, and the pages that look at it."""

    store: ClickHouseStore
    port: int
    today: Page
    quarter: Page


@pytest.fixture(scope="session")
def shop(store: ClickHouseStore) -> Iterator[Shop]:
    seed(store, PROJECT, own_metrics())
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    chosen = {"project": PROJECT, "mcp": "$__all", "thread": "t0047", "search": "", "console": "http://127.0.0.1:8000"}
    with serving(store) as endpoint:
        yield Shop(
            store,
            endpoint.port,
            Page(now - timedelta(hours=6), now, 300_000, chosen),
            Page(now - timedelta(days=90), now, 7_200_000, {**chosen, "mcp": "files,orders", "search": "o"}),
        )
