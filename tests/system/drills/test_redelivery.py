"""Whatever comes twice leaves everything as it was: the same requests again, at once, backwards; the whole log again."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.system.accounts import at_rest
from tests.system.running import System, eventually
from tests.system.traffic import Agents, Request

SKIPPED = {"ingest_ledger", "dead_letters"}
"""They are about deliveries, so they do change."""
VOLATILE = {"received_at", "computed_at", "last_received", "log_offset", "log_partition"}
OF_NOW = {"mcps": {"status"}, "threads": {"stalled_since"}}
"""They say how long ago something was, so they change by themselves."""


def dump(system: System) -> dict[str, list[str]]:
    """All rows of all views as sorted text."""
    views = [row["name"] for row in system.sql("SELECT name FROM system.tables WHERE database = 'mission_control'")]
    assert len(views) > 20
    return {view: rows(system, view) for view in views if view not in SKIPPED}


def rows(system: System, view: str) -> list[str]:
    left_out = VOLATILE | OF_NOW.get(view, set())
    found = ({name: value for name, value in row.items() if name not in left_out} for row in system.sql(f"SELECT * FROM {view}"))
    return sorted(json.dumps(row, sort_keys=True) for row in found)


def settled(system: System) -> dict[str, list[str]]:
    """Once nothing waits and the hourly rollups have caught up (they take their time), so that two looks see the same."""
    assert at_rest(system)
    assert eventually(lambda: rolled_up(system), patience=300)
    before: dict[str, list[str]] = {}
    now = dump(system)
    for _ in range(60):
        if before == now:
            return now
        time.sleep(1)
        before, now = now, dump(system)
    return now


def rolled_up(system: System) -> bool:
    """The count since this process began, and every call in it."""
    counted = system.metrics().get('mission_control_summary_round_seconds_count{summary="rollup"}', 0)
    missing = """SELECT (SELECT countIf(type = 'llm_call') FROM execution_steps) = (SELECT sum(calls) FROM usage_hourly)
        AND (SELECT countIf(type = 'tool_call') FROM execution_steps) = (SELECT sum(calls) FROM tools_hourly)
        AND (SELECT count() FROM execution_steps) = (SELECT count() FROM otel_traces) AS is_whole"""
    return counted >= 2 and system.number(missing) == 1


def assert_same(before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    for view in before:
        gone, new = set(before[view]) - set(after[view]), set(after[view]) - set(before[view])
        assert (gone, new) == (set(), set()), f"{view} changed:\n- {sorted(gone)[:2]}\n+ {sorted(new)[:2]}"
        assert before[view] == after[view], f"{view} has doubled rows"


def send(system: System, request: Request) -> None:
    assert system.post(request.path, request.body).status_code == 200


def test_redelivery_and_replay_change_nothing(stopped: System) -> None:
    agents = Agents(41, threads=5)
    requests = [make() for _ in range(12) for make in (agents.turns, agents.logs, agents.points)]
    stopped.start()
    for request in requests:
        send(stopped, request)
    before = settled(stopped)
    assert len(before["otel_traces"]) == sum(len(request.ids) for request in requests if request.path == "/v1/traces")
    print({view: len(lines) for view, lines in before.items()})
    assert all(before[view] for view in ("threads", "execution_steps", "llm_messages", "permission_events", "logs", "usage_hourly", "mcps"))

    for request in reversed(requests):
        send(stopped, request)
    assert_same(before, settled(stopped))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda request: send(stopped, request), requests + requests[::-1]))
    assert_same(before, settled(stopped))

    assert stopped.stop() == 0
    forget_positions(stopped.data / "log")
    stopped.start()
    assert_same(before, settled(stopped))


def forget_positions(log: Path) -> None:
    """So the next start reads everything that is kept again."""
    files = list(log.glob("*/positions/*.json"))
    assert files
    for file in files:
        file.unlink()
