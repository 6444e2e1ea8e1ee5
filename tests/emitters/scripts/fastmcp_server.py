"""A FastMCP server and its client in one process, below an agent's span; one tool fails."""

import asyncio

from fastmcp import Client, FastMCP
from sending import agent, lookup_order, sending

server = FastMCP("orders")
server.tool(lookup_order)


@server.tool
def refund(order_id: str) -> str:
    """Pay back"""
    raise ValueError("not allowed")


async def main() -> None:
    async with Client(server) as client:
        with agent("conv-fastmcp"):
            await client.call_tool("lookup_order", {"order_id": "A-1187"})
            await client.call_tool("refund", {"order_id": "A-1187"}, raise_on_error=False)


with sending():
    asyncio.run(main())
