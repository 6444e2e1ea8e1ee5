"""While the store is away the page says since when it shows old things, and goes on by itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.clickhouse.clickhouse_server import ClickHouse, clickhouse_in
from tests.console.conftest import System, up

pytestmark = pytest.mark.slow
CARD = '[data-testid="thread-card"]'
PATIENCE_MS = 120_000


@pytest.fixture
def store_server(tmp_path: Path) -> Iterator[ClickHouse]:
    with clickhouse_in(tmp_path / "clickhouse") as server:
        yield server


@pytest.fixture
def remote_system(store_server: ClickHouse, tmp_path: Path) -> Iterator[System]:
    data = tmp_path / "data"
    data.mkdir()
    with up(data, CLICKHOUSE_URL=store_server.url) as running:
        yield running


def test_the_page_says_what_is_old_and_recovers_by_itself(
    remote_system: System, store_server: ClickHouse, visit: Any, project: str
) -> None:
    before, meanwhile = remote_system.agent(project), remote_system.agent(project)
    before.send(before.chat(0, 500, "hello", "hi"), before.end())
    before.summarised()
    visitor = visit(remote_system)
    page = visitor.go("/threads", project)
    banner = page.get_by_test_id("store-away")
    expect(page.locator(CARD)).to_have_count(1)
    expect(banner).to_have_count(0)

    store_server.kill()
    page.reload()
    expect(banner).to_contain_text("The store is away. You see what it said at")
    expect(banner.locator("time")).to_have_attribute("datetime", re.compile(r"^20\d\d-.*Z$"))
    expect(page.locator(CARD)).to_have_count(1)
    visitor.go(f"/threads/{meanwhile.thread}", project)
    expect(banner).to_be_visible()
    meanwhile.send(meanwhile.chat(0, 500, "are you there?", "hi"))

    store_server.start()
    expect(banner).to_have_count(0, timeout=PATIENCE_MS)
    visitor.go("/threads", project)
    expect(page.locator(CARD)).to_have_count(2, timeout=PATIENCE_MS)
    visitor.forgive("503")
    visitor.forgive(f"/api/threads/{meanwhile.thread}")  # its records are stored a moment before its summary
