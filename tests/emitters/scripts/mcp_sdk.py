"""The official MCP SDK: its server called by its client, below an agent's span; one tool fails."""

import asyncio

from mcp import Client
from mcp.server.mcpserver import MCPServer
from sending import agent, lookup_order, sending

server = MCPServer("orders")
server.tool()(lookup_order)


@server.tool()
def refund(order_id: str) -> str:
    """Pay back"""
    raise ValueError("not allowed")


async def main() -> None:
    async with Client(server) as client:
        with agent("conv-mcp"):
            await client.call_tool("lookup_order", {"order_id": "A-1187"})
            await client.call_tool("refund", {"order_id": "A-1187"})


with sending():
    asyncio.run(main())
