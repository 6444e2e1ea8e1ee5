"""Foreign hosts and origins are refused, on HTTP and on WebSockets, before the app sees anything."""

import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from schemas.guard import Allowed, HostGuard
from schemas.settings import load_settings

ALLOWED = Allowed.of(load_settings(allowed_hosts=("Box.Example", "fd00::1"), cors_origins=("https://App.example/",)))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "passed"})


async def answers(headers: list[tuple[str, str]], kind: str = "http", extensions: dict[str, Any] | None = None) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("the guard reads nothing")

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await HostGuard(app, ALLOWED)({"type": kind, "headers": raw, "extensions": extensions or {}}, receive, send)
    return sent


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST:1", "127.0.0.1:4318", "[::1]:4318", "[::1]", "box.example:80", "[fd00::1]:80"]
)
async def test_own_hosts_pass(host: str) -> None:
    assert await answers([("host", host)]) == [{"type": "passed"}]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "localhost:80:80", "localhost:x", "::1", "", "[::2]:80"]
)
async def test_foreign_hosts_are_refused(host: str) -> None:
    start, body = await answers([("host", host)])
    assert start["status"] == 403
    assert dict(start["headers"])[b"content-type"] == b"application/problem+json"
    problem = json.loads(body["body"])
    assert problem["status"] == 403
    assert "allowed_hosts" in problem["detail"]


@pytest.mark.parametrize("headers", [[], [("host", "localhost"), ("host", "evil.example")]])
async def test_one_host_header_exactly(headers: list[tuple[str, str]]) -> None:
    start, body = await answers(headers)
    assert start["status"] == 403
    assert "exactly one" in json.loads(body["body"])["detail"]


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://localhost:8000", "HTTP://LOCALHOST:8000", "https://app.example"])
async def test_own_and_configured_origins_pass(origin: str) -> None:
    assert await answers([("host", "localhost:8000"), ("origin", origin)]) == [{"type": "passed"}]


@pytest.mark.parametrize(
    "origin", ["http://localhost:9999", "http://127.0.0.1:8000", "https://evil.example", "null", "", "file://localhost:8000", "http://[x"]
)
async def test_foreign_origins_are_refused(origin: str) -> None:
    start, body = await answers([("host", "localhost:8000"), ("origin", origin)])
    assert start["status"] == 403
    assert "cors_origins" in json.loads(body["body"])["detail"]


async def test_second_origin_does_not_hide_the_first() -> None:
    start, _ = await answers([("host", "localhost"), ("origin", "https://evil.example"), ("origin", "http://localhost")])
    assert start["status"] == 403


async def test_websocket_is_refused_with_the_same_body_where_the_server_can() -> None:
    start, body = await answers([("host", "evil.example")], "websocket", {"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert "allowed_hosts" in json.loads(body["body"])["detail"]


async def test_websocket_is_closed_where_it_cannot() -> None:
    (close,) = await answers([("host", "localhost"), ("origin", "https://evil.example")], "websocket")
    assert (close["type"], close["code"]) == ("websocket.close", 1008)
    assert len(close["reason"]) <= 123


async def test_lifespan_passes() -> None:
    assert await answers([], "lifespan") == [{"type": "passed"}]


def test_host_setting_is_allowed() -> None:
    assert "192.0.2.7" in Allowed.of(load_settings(host="192.0.2.7")).hosts
