"""The fleet's MCP clients: one server process per name, started when first called, shared by all agents."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import mcp_types as types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from demo.server import FAULT
from demo.telemetry import VERSION

_PATIENCE_S = 30.0
_log = logging.getLogger("demo.connections")
Launch = Callable[[str], Any]
"""Server name -> MCP transport."""


@dataclass(frozen=True)
class Answer:
    """What a tool said; `failed`: it ran and reported an error."""

    text: str
    failed: bool


@dataclass
class ServerDiedError(Exception):
    """The server's process ended while a call was open."""

    server: str
    tool: str

    def __str__(self) -> str:
        return f"MCP server {self.server} closed the connection during {self.tool}"


@dataclass
class _Connection:
    client: asyncio.Future[Client]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    owner: asyncio.Task[None] | None = None


def stdio_launch(endpoint: str, speed: float) -> Launch:
    """Start each server as `python -m demo.server NAME`: works on every platform, a second of CPU and 60 MB each."""

    def launch(name: str) -> Any:
        arguments = ["-m", "demo.server", name, "--endpoint", endpoint, "--speed", str(speed)]
        return stdio_client(StdioServerParameters(command=sys.executable, args=arguments, env={"PYTHONPATH": ":".join(sys.path)}))

    return launch


class Connections:
    """Call tools by server name. A server that died is started again by the next call."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._open: dict[str, _Connection] = {}
        # Connections outlive the thread that happens to open them: their own spans must not hang below its span.
        self._outside = contextvars.copy_context()

    async def call(self, server: str, tool: str, arguments: dict[str, str], fault: str | None = None) -> Answer:
        """Call one tool. Raises ServerDiedError, or MCPError for what the protocol refuses."""
        connection = self._connection(server)
        client = await asyncio.shield(connection.client)
        meta = cast(types.RequestParamsMeta, {FAULT: fault}) if fault else None
        try:
            result = await client.call_tool(tool, arguments, _PATIENCE_S, meta=meta)
        except MCPError as error:
            if error.error.code != types.CONNECTION_CLOSED:
                raise
            self._forget(server, connection)
            raise ServerDiedError(server, tool) from error
        return Answer("\n".join(part.text for part in result.content if isinstance(part, types.TextContent)), bool(result.is_error))

    async def __aenter__(self) -> Connections:
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every server: closing its stdin is enough, it is killed if it stays."""
        owners = [self._forget(server, connection) for server, connection in list(self._open.items())]
        await asyncio.gather(*owners, return_exceptions=True)

    def _connection(self, server: str) -> _Connection:
        if server not in self._open:
            connection = self._open[server] = _Connection(asyncio.get_running_loop().create_future())
            connection.owner = asyncio.create_task(self._own(server, connection), name=f"mcp {server}", context=self._outside.copy())
        return self._open[server]

    def _forget(self, server: str, connection: _Connection) -> asyncio.Task[None]:
        if self._open.get(server) is connection:
            del self._open[server]
        connection.stop.set()
        assert connection.owner is not None, "set by _connection"
        return connection.owner

    async def _own(self, server: str, connection: _Connection) -> None:
        identity = types.Implementation(name="demo-fleet", version=VERSION)
        try:
            async with Client(self._launch(server), client_info=identity) as client:
                tools = await client.list_tools()
                _log.info("MCP server %s is up with %d tools", server, len(tools.tools))
                connection.client.set_result(client)
                await connection.stop.wait()
        except (MCPError, OSError, ExceptionGroup) as error:
            _log.warning("MCP server %s ended badly: %s", server, error)
        finally:
            if not connection.client.done():
                self._forget(server, connection)
                connection.client.set_exception(ServerDiedError(server, "start"))
