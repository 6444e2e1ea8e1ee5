"""One MCP server of the fleet, over stdio: `python -m demo.server NAME --endpoint URL`.

It answers from `toolsets`, and can be told by a call's `_meta` to fail (`demo/fault`: error, crash) so that arguments stay honest.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import zlib
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from demo.telemetry import VERSION, Telemetry, quiet
from demo.toolsets import TOOLSETS, Tool

FAULT = "demo/fault"
_CRASHED = 70
_log = logging.getLogger("demo.server")


def build(name: str, speed: float) -> Server[Any]:
    """The server with the tools of `TOOLSETS[name]`; `speed` divides how long they take. KeyError: no such server."""
    tools = {f"{name}.{tool.name}": tool for tool in TOOLSETS[name]}

    async def on_list_tools(_ctx: object, _params: object) -> types.ListToolsResult:
        listed = [types.Tool(name=called, description=t.description, input_schema=t.schema) for called, t in tools.items()]
        return types.ListToolsResult(tools=listed)

    async def on_call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments, fault = params.arguments or {}, (ctx.meta or {}).get(FAULT)
        if params.name not in tools:
            return _answer(f"unknown tool: {params.name}", is_error=True)
        return await _run(tools[params.name], arguments, fault, speed)

    return Server(f"mcp-{name}", version=VERSION, on_list_tools=on_list_tools, on_call_tool=on_call_tool)


async def _run(tool: Tool, arguments: dict[str, Any], fault: str | None, speed: float) -> types.CallToolResult:
    chance = random.Random(zlib.crc32(f"{tool.name}{sorted(arguments.items())}".encode()))
    await asyncio.sleep(chance.uniform(*tool.seconds) / speed)
    if fault == "crash":  # pragma: no cover  # nothing of this process is left to tell
        _log.critical("%s: out of memory, dying", tool.name)
        os._exit(_CRASHED)
    if fault == "error":
        _log.error("%s failed: %s", tool.name, tool.failure, extra={"fields": {"error.type": "tool_error"}})
        return _answer(tool.failure, is_error=True)
    _log.info("%s answered", tool.name)
    return _answer(chance.choice(tool.answers).format_map(arguments))


def _answer(text: str, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=is_error)


async def serve(name: str, speed: float) -> None:
    """Answer on stdin and stdout until stdin ends."""
    server = build(name, speed)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def main(arguments: list[str] | None = None) -> None:
    """Entry of the server's process."""
    parser = argparse.ArgumentParser(prog="demo.server")
    parser.add_argument("name", choices=sorted(TOOLSETS))
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args(arguments)
    start(options.name, options.endpoint, options.speed)


def start(name: str, endpoint: str, speed: float) -> None:
    """Run one server with its own telemetry, service `mcp-{name}`."""
    # The fleet's process says it for all.
    quiet(silent=True)
    with Telemetry(endpoint, f"mcp-{name}").running():
        asyncio.run(serve(name, speed))


if __name__ == "__main__":
    main()
