import asyncio
import logging
import signal
import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mission_control.servers import bind, server, url
from schemas.errors import SettingsError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_a_taken_port_names_the_setting_and_the_way_out(taken: int) -> None:
    with pytest.raises(SettingsError) as raised:
        bind("sql_port", "127.0.0.1", taken)
    assert raised.value.setting == "sql_port"
    assert f"127.0.0.1:{taken}" in str(raised.value)
    assert "0 takes any free one" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_address_that_is_not_ours_is_a_setting_too() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1"):
        bind("host", "192.0.2.1", 0)


@pytest.mark.parametrize(("host", "start"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_url_has_the_port_that_was_free(host: str, start: str) -> None:
    with bind("port", host, 0) as sock:
        assert url(sock, host, "http") == f"{start}{sock.getsockname()[1]}"
        assert sock.getsockname()[1] > 0


async def test_requests_in_work_are_finished_and_signals_left_alone() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> PlainTextResponse:
        entered.set()
        await leave.wait()
        return PlainTextResponse("done")

    before = signal.getsignal(signal.SIGTERM)
    which = server(Starlette(routes=[Route("/", slow)]), sockets=False, ping_interval=30, grace=5)
    with bind("port", "127.0.0.1", 0) as sock:
        running = asyncio.create_task(which.serve(sockets=[sock]))
        async with httpx.AsyncClient() as client:
            asking = asyncio.create_task(client.get(url(sock, "127.0.0.1", "http")))
            await entered.wait()
            assert signal.getsignal(signal.SIGTERM) is before
            which.should_exit = True
            leave.set()
            assert (await asking).text == "done"
        await running


async def test_a_websocket_that_is_refused_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(socket: WebSocket) -> None:
        await socket.send_denial_response(PlainTextResponse("no", 401))

    which = server(Starlette(routes=[WebSocketRoute("/", refuse)]), sockets=True, ping_interval=30, grace=5)
    with bind("port", "127.0.0.1", 0) as sock:
        running = asyncio.create_task(which.serve(sockets=[sock]))
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url(sock, "127.0.0.1", "ws")):
                pass
        which.should_exit = True
        await running
    assert (refused.value.response.status_code, refused.value.response.body) == (401, b"no")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
