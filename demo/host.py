"""Starts MCP servers by fork from one process that has imported everything.

A fresh Python process with the MCP SDK costs over a second of CPU and 60 MB; a forked one some milliseconds and the memory it
writes to. Twelve of them fit a demo that must not be noticed. `Host` is the fleet's side, `main` the forking process, which
has no threads and no event loop. Each server still is a process of its own that speaks stdio, its stdin and stdout being one
socket. Where there is no fork, `connections.stdio_launch` does the same work at the full price.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from demo.server import start

_LINE_LIMIT = 4 * 2**20
_PID_BYTES = 4
_NAME_BYTES = 64
_END_PATIENCE_S = 5.0
Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@dataclass
class Host:
    """The fleet's side. `control` is connected to the forking process."""

    control: socket.socket
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Streams]:
        """MCP transport to a new server process; leaving the block ends the server. Raises OSError if the host is gone."""
        mine, theirs = socket.socketpair()
        with theirs:
            try:
                await self._fork(name, theirs)
            except OSError:
                mine.close()
                raise
        reader, writer = await asyncio.open_connection(sock=mine, limit=_LINE_LIMIT)
        incoming_send, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, outgoing_receive = anyio.create_memory_object_stream[SessionMessage](0)
        async with AsyncExitStack() as stack:
            for stream in (incoming_send, incoming, outgoing, outgoing_receive):
                stack.enter_context(stream)
            stack.callback(writer.close)
            pumps = await stack.enter_async_context(anyio.create_task_group())
            pumps.start_soon(_receive, reader, incoming_send)
            pumps.start_soon(_send, outgoing_receive, writer)
            yield incoming, outgoing
            pumps.cancel_scope.cancel()

    async def _fork(self, name: str, theirs: socket.socket) -> int:
        async with self._turn:
            socket.send_fds(self.control, [name.encode()], [theirs.fileno()])
            pid = await asyncio.get_running_loop().sock_recv(self.control, _PID_BYTES)
        if not pid:
            raise ConnectionResetError("the host of the MCP servers is gone")
        return int.from_bytes(pid)


async def _receive(reader: asyncio.StreamReader, into: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    async with into:
        with suppress(ConnectionError, anyio.BrokenResourceError):
            while line := await reader.readline():
                await into.send(SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False)))


async def _send(outgoing: MemoryObjectReceiveStream[SessionMessage], writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        async for message in outgoing:
            writer.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await writer.drain()


@asynccontextmanager
async def hosting(endpoint: str, speed: float) -> AsyncIterator[Host]:
    """Run the forking process as long as the block; it and what it forked end when the socket closes."""
    mine, theirs = socket.socketpair()
    mine.setblocking(False)
    command = [sys.executable, "-m", "demo.host", "--endpoint", endpoint, "--speed", str(speed), "--control", str(theirs.fileno())]
    # A session of its own: Ctrl-C in the terminal is for the fleet, which then ends the servers in order.
    process = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs.fileno()], start_new_session=True, env=_environment())
    theirs.close()
    try:
        yield Host(mine)
    finally:
        mine.close()
        try:
            await asyncio.wait_for(process.wait(), _END_PATIENCE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def fork_servers(control: socket.socket, endpoint: str, speed: float) -> None:
    """Fork one server per request (a name and a socket) until the fleet closes `control`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    while True:
        name, received, _, _ = socket.recv_fds(control, _NAME_BYTES, 1)
        if not name:
            return
        pid = os.fork()
        if pid == 0:  # pragma: no cover  # as above
            control.close()
            _become(name.decode(), received[0], endpoint, speed)
        os.close(received[0])
        control.sendall(pid.to_bytes(_PID_BYTES))


def _become(name: str, wire: int, endpoint: str, speed: float) -> None:  # pragma: no cover  # only in the forked process, unseen from here
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(wire, 0)
        os.dup2(wire, 1)
        os.close(wire)
        start(name, endpoint, speed)
        status = 0
    finally:
        os._exit(status)


def main(arguments: list[str] | None = None) -> None:
    """Entry of the forking process."""
    parser = argparse.ArgumentParser(prog="demo.host")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--control", type=int, required=True)
    options = parser.parse_args(arguments)
    with socket.socket(fileno=options.control) as control:
        fork_servers(control, options.endpoint, options.speed)


if __name__ == "__main__":
    main()
