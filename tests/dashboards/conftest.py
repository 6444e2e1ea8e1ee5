"""A seeded store behind the SQL endpoint, and the Go program that asks it as Grafana would."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.store import ClickHouseStore
from tests.control.sql_fixtures import serving
from tests.dashboards.grafana_queries import Page
from tests.dashboards.own_names import own_metrics
from tests.dashboards.program import built
from tests.dashboards.seed import seed

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
    return built(go)


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
