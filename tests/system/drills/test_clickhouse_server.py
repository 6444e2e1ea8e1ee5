"""The whole system on a ClickHouse server: what was acknowledged is in its tables once, whatever befalls the server meanwhile."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clickhouse.clickhouse_server import FULL, READ_ONLY, ClickHouse, clickhouse_in
from tests.system.accounts import check_all
from tests.system.running import System, eventually, system_on
from tests.system.traffic import Agents, Senders, Sent

TROUBLES: tuple[dict[str, Any], ...] = (
    {"kind": "code", "code": READ_ONLY},
    {"kind": "code", "code": FULL, "match": "INSERT INTO spans"},
    {"kind": "status", "status": 500},
    {"kind": "lost", "match": "INSERT INTO"},
    {"kind": "drop"},
    {"kind": "hang", "match": "INSERT INTO"},
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouse]:
    with clickhouse_in(tmp_path / "clickhouse", password="secret") as running:
        yield running


@pytest.fixture
def on_server(server: ClickHouse, tmp_path: Path) -> Iterator[System]:
    settings = {"CLICKHOUSE_URL": server.url, "CLICKHOUSE_PASSWORD": server.password, "CLICKHOUSE_TIMEOUT": "10"}
    with system_on(tmp_path / "data") as system:
        system.settings |= settings
        yield system.start()


def test_nothing_acknowledged_is_lost_or_doubled(server: ClickHouse, on_server: System, tmp_path: Path) -> None:
    sent = Sent()
    with Senders(on_server.info["otlp_http"], [Agents(seed) for seed in (1, 2, 3)], sent):
        for trouble in TROUBLES:
            time.sleep(0.5)
            server.fail(**trouble)
            time.sleep(1.5)
            server.recover()
        time.sleep(0.5)
        server.kill()
        time.sleep(1)
        server.start()
        time.sleep(1)
    assert not (on_server.data / "store").exists()
    check_all(on_server, sent)


def test_readers_notice_nothing_of_where_the_tables_are(on_server: System) -> None:
    with Senders(on_server.info["otlp_http"], [Agents(4)], sent := Sent()):
        time.sleep(1)
    check_all(on_server, sent)
    headers = {"Authorization": f"Bearer {on_server.info['token']}"}
    for path in ("threads", "logs", "mcps", "permissions/audit", "threads/overview", "projects", "audit", "search?q=agent"):
        answer = on_server.http.get(f"{on_server.info['console']}/api/{path}", headers=headers)
        assert answer.status_code in (200, 404), (path, answer.text)
    assert eventually(lambda: on_server.number("SELECT count() FROM threads")) > 0
    refused = on_server.http.post(on_server.info["sql"], content="SELECT * FROM spans")
    assert refused.status_code != 200
    assert on_server.stop() == 0
