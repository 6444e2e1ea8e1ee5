"""Who gets in, what the console serves, how errors look, what the OpenAPI document promises."""

import asyncio
import threading
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from control.auth import CODE_SECONDS, COOKIE, Doorkeeper
from schemas.errors import StoreUnavailableError

TOKEN = "a-token-of-the-tests"
CONTRACT = {
    "/health", "/ready", "/metrics", "/api/threads", "/api/threads/{thread_id}", "/api/threads/{thread_id}/timeline",
    "/api/threads/{thread_id}/transcript", "/api/threads/{thread_id}/logs", "/api/threads/{thread_id}/at", "/api/threads/{thread_id}/metrics", "/api/logs", "/api/logs/export",
    "/api/mcps", "/api/mcps/{mcp_id}/health", "/api/mcps/{mcp_id}/tools", "/api/permissions/audit", "/api/permissions/audit/{thread_id}",
    "/api/graph/entities", "/api/graph/relationships", "/api/search", "/api/audit", "/api/metrics", "/api/projects", "/api/alerts", "/api/scores",
    "/api/overview", "/api/dead-letters", "/api/ledger", "/api/auth/login-url",
}  # fmt: skip


def bare(running: Any, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", **options)


async def test_the_ways_in(start: Any) -> None:
    async with start(api_key="the-key") as running, bare(running) as client:
        for headers in (
            {"Authorization": f"Bearer {TOKEN}"},
            {"authorization": f"bearer {TOKEN}"},
            {"x-api-key": TOKEN},
            {"x-api-key": "the-key"},
        ):
            assert (await client.get("/api/projects", headers=headers)).status_code == 200
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"x-api-key": "other"},
            {"cookie": f"{COOKIE}=9.9"},
        ):
            response = await client.get("/api/projects", headers=headers)
            assert response.status_code == 401
            assert response.headers["content-type"] == "application/problem+json"
            assert "run.json" in response.json()["detail"]
        assert (await client.get("/api/projects", params={"token": TOKEN})).status_code == 401
        assert (await client.get("/api")).status_code == 401
        assert (await client.get("/%61pi/projects")).status_code == 401
        assert (await client.get("/api%2Fprojects")).status_code in (401, 404)


async def test_login_url_works_once(running: Any) -> None:
    minted = (await running.client.post("/api/auth/login-url")).json()
    assert minted["login_url"].startswith(f"http://127.0.0.1:{running.port}/login?code=")
    async with bare(running) as client:
        assert (await client.get("/")).status_code == 200  # the page itself explains how to log in
        assert (await client.get("/api/projects")).status_code == 401
        explained = await client.get("/login")
        assert explained.status_code == 401
        assert "mission-control up" in explained.text
        response = await client.get(minted["login_url"])
        assert (response.status_code, response.headers["location"]) == (303, "/")
        cookie = response.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/api/projects")).status_code == 200
    async with bare(running) as other:
        assert (await other.get(minted["login_url"])).status_code == 401
        assert (await other.post("/api/auth/login-url")).status_code == 401


def test_codes_and_sessions_end() -> None:
    now = [1000.0]
    keeper = Doorkeeper("secret", clock=lambda: now[0])
    code, unused = keeper.mint_code(), [keeper.mint_code() for _ in range(150)]
    assert keeper.redeem(code) is None  # the oldest codes make room
    session = keeper.redeem(unused[-1])
    assert session is not None
    assert keeper.is_session(session)
    assert not Doorkeeper("another", clock=lambda: now[0]).is_session(session)
    expiry, _, signature = session.partition(".")
    assert not keeper.is_session(f"{int(expiry) + 1}.{signature}")
    assert not keeper.is_session(f"{expiry}.ü")
    assert not keeper.is_session("²." + signature)
    now[0] += CODE_SECONDS + 1
    assert keeper.redeem(unused[-2]) is None
    now[0] += 40 * 24 * 3600
    assert not keeper.is_session(session)
    assert not Doorkeeper("").accepts("")


async def test_websocket_needs_the_token(running: Any) -> None:
    url = f"ws://127.0.0.1:{running.port}/ws"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url)
    assert refused.value.response.status_code == 401
    async with connect(f"{url}?token={TOKEN}"):
        pass
    session = running.doorkeeper.redeem(running.doorkeeper.mint_code())
    async with connect(url, additional_headers={"cookie": f"{COOKIE}={session}"}):
        pass
    with pytest.raises(InvalidStatus):
        await connect(url, additional_headers={"cookie": 'a="b; =;,'})


async def test_foreign_hosts_and_origins(running: Any) -> None:
    assert (await running.client.get("/api/projects", headers={"host": "evil.example"})).status_code == 403
    assert (await running.client.get("/api/projects", headers={"origin": "https://evil.example"})).status_code == 403
    own = f"http://127.0.0.1:{running.port}"
    assert (await running.client.get("/api/projects", headers={"origin": own})).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await running.socket(origin="https://evil.example")
    assert refused.value.response.status_code == 403


async def test_console_files(running: Any) -> None:
    client = running.client
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-cache"
    assert (await client.get("/", headers={"if-none-match": page.headers["etag"]})).status_code == 304
    assert (await client.head("/index.html")).status_code == 200
    async with bare(running) as stranger:
        script = await stranger.get("/main.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert (await stranger.get("/vendor/lit.js")).status_code == 200
    for path in (
        "/vendor",
        "/vendor/",
        "/package.json",
        "/.npmrc",
        "/link.js",
        "/..%2foutside.js",
        "/%2e%2e/outside.js",
        "/none.js",
        "/%00.js",
        "/a\\b.js",
    ):
        response = await client.get(path)
        assert response.status_code == 404, path
        assert response.headers["content-type"] == "application/problem+json"
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{running.port}/elsewhere")


async def test_probes(start: Any) -> None:
    state = {"lag": ""}

    def broken() -> str:
        raise OSError("no space")

    async with start(checks={"lag": lambda: state["lag"]}) as running, bare(running) as stranger:
        assert (await stranger.get("/health")).json() == {"status": "ok"}
        assert (await stranger.get("/ready")).json() == {"ready": True, "checks": {"store": "ok", "lag": "ok"}}
        state["lag"] = "30 s behind"
        response = await stranger.get("/ready")
        assert (response.status_code, response.json()["checks"]["lag"]) == (503, "30 s behind")
    async with start(checks={"log": broken}) as running:
        assert (await running.client.get("/ready")).json()["checks"]["log"] == "OSError: no space"


async def test_openapi_is_the_contract(running: Any) -> None:
    document = (await running.client.get("/openapi.json")).json()
    assert set(document["paths"]) == CONTRACT
    assert {method for path in document["paths"].values() for method in path} == {"get", "post"}
    assert [path for path, methods in document["paths"].items() if "post" in methods] == ["/api/auth/login-url", "/api/scores"]
    assert document["components"]["schemas"].keys() >= {"Problem", "Page"}
    docs = (await running.client.get("/docs")).text
    assert all(path in docs for path in CONTRACT)
    assert "http://" not in docs.replace(f"http://127.0.0.1:{running.port}", "")
    assert "https://" not in docs


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/api/threads?limit=0", "limit"), ("/api/threads?limit=1001", "limit"), ("/api/threads?status=odd", "status"),
        ("/api/threads?cursor=%21", "cursor"), ("/api/threads?cursor=W10", "cursor"), ("/api/threads?cursor=WzEsMl0", "cursor"),
        ("/api/threads?cursor=Wy0xLCJhIl0", "cursor"), ("/api/threads?from=yesterday", "from"), ("/api/logs?to=9999-01-01", "to"),
        ("/api/search?q=a", "q"), ("/api/search", "q"), ("/api/graph/entities?type=odd", "type"), ("/api/logs/export?format=xml", "format"),
        ("/api/threads/x/at", "time"),
    ],
)  # fmt: skip
async def test_bad_parameters_are_named(running: Any, path: str, word: str) -> None:
    response = await running.client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    problem = response.json()
    assert problem["detail"].startswith(f"{word}:")
    assert problem["status"] == 400


async def test_what_is_not_routed(running: Any) -> None:
    for method, path in (("POST", "/api/threads/x/pause"), ("GET", "/api/keys"), ("POST", "/api/export"), ("GET", "/api/nothing")):
        response = await running.client.request(method, path)
        assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    refused = await running.client.delete("/api/threads")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert refused.json()["detail"].startswith("/api/threads does not take DELETE but GET")
    nowhere = await running.client.get("/api/threads/x", params={"project": "*"})
    assert nowhere.json()["detail"] == "no project has a thread 'x'"


INJECTIONS = ["' OR 1=1 --", "\\' OR 1=1 --", "{x:String}", "'); DROP TABLE thread_summaries; --", "\0", "%", "*/ 1 /*", "\\"]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_text_stays_text(running: Any, rows: Any, text: str) -> None:
    rows.thread("innocent", user_input="nothing special")
    rows.log("innocent")
    rows.permission("innocent", "e")
    rows.calls("read")
    for path, names in (
        ("/api/threads", ("q", "mcp_id", "parent")), ("/api/logs", ("q", "thread_id", "service", "mcp_id")),
        ("/api/permissions/audit", ("mcp_id", "resource", "user_id")), ("/api/graph/entities", ("search", "scope")),
        ("/api/graph/relationships", ("entity_id",)), ("/api/audit", ("type", "q", "user", "resource")),
    ):  # fmt: skip
        for name in names:
            page = await running.get(path, project=rows.project, **{name: text})
            assert page["items"] == [], (path, name)
    assert (await running.get("/api/threads", project=text))["items"] == []
    assert len((await running.get("/api/threads", project=rows.project))["items"]) == 1


async def test_overload_and_timeouts_are_503(start: Any, store: Any) -> None:
    class Slow:
        def __init__(self) -> None:
            self.release = threading.Event()

        def raw(self, sql: str, fmt: str, parameters: Any = None, settings: Any = None) -> bytes:
            if "overview" in str(parameters):
                raise ValueError("a bug")
            self.release.wait(120)
            raise StoreUnavailableError("it is closed")

        def query(self, sql: str) -> None:
            raise StoreUnavailableError("it is closed")

    slow = Slow()
    async with start(used_store=slow, query_concurrency=1) as running:
        waiting = [asyncio.create_task(running.client.get("/api/threads")) for _ in range(70)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        response = done.pop().result()
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["title"] == "Not now"
        slow.release.set()
        assert {task.result().status_code for task in waiting if await task} == {503}
        ready = (await running.client.get("/ready")).json()
        assert "not available" in ready["checks"]["store"]
        broken = await running.client.get("/api/threads/overview")
        assert (broken.status_code, broken.json()["title"]) == (500, "Internal error")


async def test_a_query_over_its_time_is_503(start: Any, rows: Any) -> None:
    rows.thread("t")
    async with start(query_memory_bytes=1 << 20) as running:
        rows.put("log_records", *(rows.log_row(f"m{n}" * 500) for n in range(3000)))
        response = await running.client.get("/api/logs", params={"project": rows.project, "limit": 1000})
        assert response.status_code == 503


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/threads?from=2030-01-01&to=2020-01-01", "from: '2030-01-01' is later than to, '2020-01-01'; give the earlier time first"),
        ("/api/threads?kind=robot", "kind: 'robot' is none; there are agent, mcp, trace, *"),
        ("/api/threads?project=", "project: String should have at least 1 character"),
        ("/api/logs?level=loud", "level: 'LOUD' is none; there are DEBUG, INFO, WARN, ERROR"),
        ("/api/threads/t/logs?level=loud", "level: 'LOUD' is none; there are DEBUG, INFO, WARN, ERROR"),
        ("/api/threads/t/at", "time: is needed"),
        ("/api/search?q=ab&type=robot", "type: Input should be 'thread', 'log' or 'entity'"),
    ],
)
async def test_what_cannot_be_asked_is_named(running: Any, path: str, said: str) -> None:
    response = await running.client.get(path)
    assert response.status_code == 400
    assert response.json()["detail"].startswith(said)
