"""The MCP servers, how they start, and what carries their telemetry."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, cast

import psutil
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from opentelemetry import trace

from demo import host
from demo.connections import Connections
from demo.host import Host
from demo.server import FAULT, build
from demo.telemetry import OncePerMinute, RoutedTracer, Telemetry, quiet, route_libraries
from demo.toolsets import TOOLSETS
from mission_control import emit

if TYPE_CHECKING:
    from mcp_types import CallToolResult, RequestParamsMeta

    from tests.demo.conftest import Received

FAST = 1000.0


def said(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if part.type == "text")


@pytest.mark.parametrize("name", TOOLSETS)
async def test_every_tool_of_every_server_answers(name: str) -> None:
    async with Client(build(name, FAST)) as client:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == [f"{name}.{tool.name}" for tool in TOOLSETS[name]]
        for tool in TOOLSETS[name]:
            result = await client.call_tool(f"{name}.{tool.name}", dict.fromkeys(tool.parameters, "x1"))
            assert not result.is_error
            assert said(result)
            assert "{" not in said(result).replace("{cpu", "")


async def test_the_same_call_has_the_same_answer() -> None:
    async with Client(build("git", FAST)) as client:
        answers = {said(await client.call_tool("git.diff", {"branch": "main"})) for _ in range(3)}
    assert len(answers) == 1


async def test_a_fault_is_asked_for_beside_the_arguments() -> None:
    async with Client(build("mail", FAST)) as client:
        result = await client.call_tool("mail.send", {"to": "a", "subject": "b"}, meta=cast("RequestParamsMeta", {FAULT: "error"}))
    assert result.is_error
    assert said(result) == "upstream answered 503 Service Unavailable"


async def test_an_unknown_tool_is_an_error_of_the_tool() -> None:
    async with Client(build("mail", FAST)) as client:
        result = await client.call_tool("mail.nothing", {})
    assert result.is_error


async def test_what_the_protocol_refuses_is_raised() -> None:
    def refuse(_name: str) -> object:
        return build("mail", FAST)

    async with Connections(refuse) as connections:
        await connections.call("mail", "mail.search", {"query": "a"})
        client = await connections._connection("mail").client

        async def fail(*_: object, **__: object) -> None:
            raise MCPError(code=-32602, message="no")

        client.call_tool = fail  # type: ignore[method-assign,assignment]  # a refusal that this server never gives
        with pytest.raises(MCPError):
            await connections.call("mail", "mail.search", {"query": "a"})


@pytest.mark.slow
def test_a_server_process_speaks_stdio_and_ends_with_its_stdin() -> None:
    command = [sys.executable, "-m", "demo.server", "git", "--endpoint", "http://127.0.0.1:9", "--speed", "100"]
    ended = subprocess.run(command, input="", capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout == ""


def test_the_host_ends_when_the_fleet_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.host.signal.signal", lambda *_: None)
    monkeypatch.setattr("demo.host.gc.freeze", lambda: None)
    mine, theirs = socket.socketpair()
    thread = threading.Thread(target=host.main, args=(["--endpoint", "e", "--speed", "1", "--control", str(theirs.detach())],))
    thread.start()
    mine.close()
    thread.join(120)
    assert not thread.is_alive()


async def test_a_host_that_stays_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.host._END_PATIENCE_S", 0.0)
    before = set(psutil.Process().children())
    async with host.hosting("http://127.0.0.1:9", 1.0):
        assert set(psutil.Process().children()) - before
    assert not set(psutil.Process().children()) - before


async def test_a_host_that_is_gone_is_an_os_error() -> None:
    mine, theirs = socket.socketpair()
    mine.setblocking(False)

    async def answer_nothing() -> None:
        await asyncio.sleep(0.01)
        theirs.close()

    with mine:
        going = asyncio.create_task(answer_nothing())
        with pytest.raises(ConnectionResetError):
            async with Host(mine).connect("git"):
                pass
        await going


def test_telemetry_of_two_services_goes_through_one_exporter(received: Received) -> None:
    with Telemetry(received.url, "demo-fleet").running() as telemetry:
        log = logging.getLogger("demo.test")
        log.info("of the process")
        with emit.providers(*telemetry.of("agent-a")), emit.thread("a", "t-1"):
            with RoutedTracer("other").start_as_current_span("theirs"):
                log.error("broken", exc_info=ValueError("why"), extra={"fields": {"error.type": "x"}})
            log.critical("worse")
            log.log(35, "warned")
    found = {log.body: log for log in received.logs}
    assert found["of the process"].service == "demo-fleet"
    broken = found["broken"]
    assert (broken.service, broken.thread, broken.severity, broken.scope) == ("agent-a", "t-1", 17, "demo.test")
    assert broken.attributes["exception.message"] == "why"
    assert broken.attributes["error.type"] == "x"
    [theirs] = [span for span in received.spans if span.name == "theirs"]
    assert (theirs.thread, theirs.service, theirs.scope) == ("t-1", "agent-a", "other")
    assert broken.span_id == theirs.span_id
    assert found["worse"].severity == 21
    assert found["warned"].severity == 13


def test_outside_of_a_fleet_nothing_is_recorded() -> None:
    route_libraries()
    route_libraries()
    with trace.get_tracer("mcp").start_as_current_span("x") as span:
        assert not span.is_recording()


def test_a_failing_exporter_is_one_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("opentelemetry", "urllib3", "mcp")
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate, logging.getLogger(name).level) for name in names}
    quiet()
    try:
        for _ in range(5):
            logging.getLogger("opentelemetry.exporter").error("away", exc_info=ValueError("long story"))
    finally:
        for name, (handlers, propagate, level) in before.items():
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    assert capsys.readouterr().err == "away\n"


def test_once_per_minute() -> None:
    only = OncePerMinute()
    record = logging.LogRecord("x", logging.ERROR, "", 0, "m", None, None)
    assert [only.filter(record), only.filter(record)] == [True, False]
    record.created += 61
    assert only.filter(record)
