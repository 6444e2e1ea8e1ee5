"""A store that goes away and comes back: lists and open threads show what was seen last, marked, and recover by themselves."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from control.errors import NotThereError, StoreAwayError
from control.problems import answer, problem_of
from control.stale import LARGEST, LastAnswers, StaleAnswers
from schemas.migrate import migrate
from schemas.store import ClickHouseStore
from tests.clickhouse.clickhouse_server import FULL, ClickHouse, clickhouse_in


class Routes:
    """An app whose store can be taken away."""

    def __init__(self) -> None:
        self.asked, self.mood, self.content = 0, "well", 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        if self.mood == "hangs":
            await asyncio.sleep(60)
        if self.mood == "away":
            response = problem_of(StoreAwayError("it is away"))
        elif self.mood == "missing":
            response = problem_of(NotThereError("thread", "t", "p"))
        else:
            response = answer([1] if scope["path"].endswith("list") else {"items": [self.content]})
        await response(scope, receive, send)


class Asking:
    def __init__(self) -> None:
        self.routes, self.now = Routes(), 100.0
        self.app = StaleAnswers(self.routes, patience=0.05, clock=lambda: self.now)

    async def get(self, path: str = "/api/threads", method: str = "GET") -> tuple[int, bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        await self.app({"type": "http", "method": method, "path": path, "query_string": b"a=1", "headers": []}, receive, send)
        return sent[0]["status"], sent[1]["body"]


async def test_the_last_answer_is_given_marked_until_the_store_is_back() -> None:
    asking = Asking()
    assert await asking.get() == (200, b'{"items":[1]}')
    asking.routes.mood = "away"
    status, body = await asking.get()
    assert (status, body[:28]) == (200, b'{"items":[1],"stale_since":"')
    asked = asking.routes.asked
    await asking.get()
    assert asking.routes.asked == asked  # known to be away: nobody waits
    assert (await asking.get("/api/threads/unseen"))[0] == 503
    asking.routes.mood, asking.routes.content = "well", 2
    asking.now += 60
    assert await asking.get() == (200, b'{"items":[2]}')


async def test_a_store_that_hangs_keeps_one_reader_only() -> None:
    asking = Asking()
    await asking.get()
    asking.routes.mood = "hangs"
    answers = await asyncio.gather(*(asking.get() for _ in range(3)))
    assert all(b"stale_since" in body for _, body in answers)
    asking.now += 60
    asked = asking.routes.asked
    answers = await asyncio.gather(*(asking.get() for _ in range(5)))
    assert all(b"stale_since" in body for _, body in answers)
    assert asking.routes.asked == asked + 1


async def test_other_answers_pass_as_they_are() -> None:
    asking = Asking()
    for path in ("/api/threads/list", "/api/threads/export", "/api/audit"):
        await asking.get(path)
    await asking.get()
    asking.routes.mood = "missing"
    assert (await asking.get())[0] == 404
    asking.routes.mood = "away"
    assert await asking.get("/api/threads/list") == (200, b"[1]")
    assert [(await asking.get(path))[0] for path in ("/api/threads/export", "/api/audit")] == [503, 503]
    assert (await asking.get(method="POST"))[0] == 503


def test_the_memory_is_bounded_and_keeps_what_was_asked_for_last() -> None:
    last: LastAnswers[bytes] = LastAnswers(most=3 * LARGEST)
    for name in "abc":
        last.put(name, b"", LARGEST)
    assert last.get("a") is not None
    last.put("d", b"", LARGEST)
    assert last.get("b") is None
    assert last.get("a") is not None
    last.put("a", b"", LARGEST + 1)
    assert last.get("a") is None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with clickhouse_in(tmp_path_factory.mktemp("clickhouse")) as running:
        with running.store(data_dir=tmp_path_factory.mktemp("data")) as opened:
            migrate(opened)
            rows = "project, thread_id, kind, agent_name, status, started_at, last_seen_at, last_received, computed_at, retention_days"
            opened.command(
                f"INSERT INTO thread_summaries ({rows}) SELECT 'p', 'open', 'agent', 'one', 'running', t, t, t, t, 30"
                " FROM (SELECT fromUnixTimestamp64Nano(1795000000000000000, 'UTC') AS t)"
            )
        yield running


@pytest.fixture
def remote(server: ClickHouse, tmp_path: Path) -> Iterator[ClickHouseStore]:
    """Short of patience, so that a store which hangs is soon one that is away."""
    with server.store(clickhouse_timeout=3, data_dir=tmp_path) as opened:
        yield opened
        server.recover()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "code", "code": FULL}, {"kind": "drop"}, {"kind": "hang"}])
async def test_lists_and_open_threads_outlive_the_store(
    start: Any, say: Callable[..., Any], server: ClickHouse, remote: ClickHouseStore, fault: dict[str, Any]
) -> None:
    async with start(used_store=remote) as running:
        fresh = await running.get("/api/threads", project="p")
        assert [item["thread_id"] for item in fresh["items"]] == ["open"]
        thread = await running.get("/api/threads/open", project="p")
        async with running.socket() as connection:
            before = await say(connection, "subscribe", channel="thread:open?project=p")
        await asyncio.to_thread(lambda: server.fail(**fault))
        listed = await running.get("/api/threads", project="p")
        assert listed.pop("stale_since") > thread["started_at"]
        assert listed == fresh
        opened = await running.get("/api/threads/open", project="p")
        assert opened.pop("stale_since")
        assert opened == thread
        async with running.socket() as connection:
            again = await say(connection, "subscribe", channel="thread:open?project=p")
        assert again["payload"]["snapshot"].pop("stale_since")
        assert again["payload"] == before["payload"]
        assert (await running.client.get("/api/threads/never-seen?project=p")).status_code == 503
        await asyncio.to_thread(server.recover)
        async with asyncio.timeout(120):
            while "stale_since" in await running.get("/api/threads", project="p"):  # noqa: ASYNC110  nobody tells when it is back
                await asyncio.sleep(0.1)
