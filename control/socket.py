"""`/ws`: takes WebSocket connections for the hub."""

import asyncio
from urllib.parse import unquote

from fastapi import APIRouter
from starlette.types import ASGIApp, Message, Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from control.client import Ask, Client
from control.commands import Commands
from control.errors import BusyError
from control.gate import KNOWN
from control.hub import Hub
from control.outbox import Outbox
from control.problems import problem_of
from schemas.metrics import Metrics
from schemas.settings import Settings


def socket_router(hub: Hub, settings: Settings, metrics: Metrics, commands: Commands) -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws")
    async def websocket(socket: WebSocket) -> None:
        if hub.connections >= settings.websocket_max_connections:
            metrics.websocket_refused.labels("too_many").inc()
            await socket.send_denial_response(problem_of(BusyError(f"{hub.connections} WebSockets are open, the most there may be", 10)))
            return
        await socket.accept()
        _count(hub, metrics, 1)
        outbox = Outbox(settings.websocket_queue)
        client = Client(hub, outbox, _asker(socket), commands)
        try:
            await _serve(socket, client, outbox, hub, metrics)
        finally:
            client.close()
            _count(hub, metrics, -1)

    return router


def _count(hub: Hub, metrics: Metrics, change: int) -> None:
    hub.connections += change
    metrics.websocket_connections.set(hub.connections)
    hub.figures.connections(hub.connections)


async def _serve(socket: WebSocket, client: Client, outbox: Outbox, hub: Hub, metrics: Metrics) -> None:
    """Until either side ends: what comes in is answered in order, what waits goes out as fast as the client takes it."""
    tasks = [asyncio.create_task(_read(socket, client, outbox, metrics)), asyncio.create_task(_write(socket, outbox, hub, metrics))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
            raise result


async def _read(socket: WebSocket, client: Client, outbox: Outbox, metrics: Metrics) -> None:
    while True:
        # Who does not take answers gets to ask nothing more.
        await outbox.wait_for_room()
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        kind = await client.handle(text if text is not None else message.get("bytes") or b"")
        metrics.websocket_messages.labels("in", kind).inc()


async def _write(socket: WebSocket, outbox: Outbox, hub: Hub, metrics: Metrics) -> None:
    sent = metrics.websocket_messages.labels("out", "any")
    while True:
        text = await outbox.next()
        await socket.send_text(text)
        sent.inc()
        hub.figures.messages(1)


def _asker(socket: WebSocket) -> Ask:
    """Asks the app itself, as if by HTTP: the same handlers, checks and errors."""
    app: ASGIApp = socket.app
    host = [(name, value) for name, value in socket.scope["headers"] if name == b"host"]

    async def ask(path: str) -> tuple[int, bytes]:
        raw, _, query = path.partition("?")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": host,
            "client": socket.scope.get("client"),
            "server": socket.scope.get("server"),
            KNOWN: True,
        }
        return await _collect(app, scope)

    return ask


async def _collect(app: ASGIApp, scope: Scope) -> tuple[int, bytes]:
    status, parts = 500, []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(parts)
