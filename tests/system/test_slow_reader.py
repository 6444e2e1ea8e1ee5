"""Who subscribes and never reads slows nobody: not the ingest, not the other readers."""

import asyncio
import json
import socket
import time
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from tests.system.running import System
from tests.system.traffic import Agents

RECORDS = 20_000
BATCH = 200
QUEUE = 8_000
"""Events that may wait for a reader: more than one commit of such a burst brings at once, less than all."""
SUBSCRIBE = json.dumps({"type": "subscribe", "channel": "logs:*", "request_id": "1"})


def address(system: System) -> str:
    return f"ws://{urlsplit(system.info['console']).netloc}/ws"


async def open_socket(system: System) -> ClientConnection:
    link = await connect(address(system), additional_headers=dict(system.bearer()), max_size=None)
    await link.send(SUBSCRIBE)
    assert json.loads(await link.recv())["type"] == "subscribed"
    return link


def stopped_reader(system: System) -> socket.socket:
    """A WebSocket by hand, because every library reads."""
    parts = urlsplit(system.info["console"])
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect((parts.hostname, parts.port))
    lines = (
        "GET /ws HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: {system.bearer()['authorization']}",
    )
    link.sendall("\r\n".join((*lines, "", "")).encode())
    assert link.recv(12) == b"HTTP/1.1 101"
    payload = SUBSCRIBE.encode()
    assert len(payload) < 126
    link.sendall(bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload)  # masked with zeros
    return link


async def read_all(link: ClientConnection, wanted: set[str]) -> int:
    """Read until all wanted texts were there, resuming where a burst found no room; returns how often that was needed."""
    dropped = 0
    async with asyncio.timeout(300):
        while wanted:
            said = json.loads(await link.recv())
            if said["type"] == "event":
                wanted.discard(said["payload"]["message"])
            elif said["type"] == "dropped":
                dropped += 1
                await link.send(json.dumps({**json.loads(SUBSCRIBE), "since": said["cursor"]}))
            else:
                assert said["payload"]["resumed"] is True
    return dropped


async def test_a_stopped_reader_slows_nobody(stopped: System) -> None:
    stopped.settings["WEBSOCKET_QUEUE"] = str(QUEUE)
    system = stopped.start()
    agents = Agents(51)
    requests = [agents.logs(BATCH) for _ in range(RECORDS // BATCH)]
    silent = [stopped_reader(system) for _ in range(3)]
    reader = await open_socket(system)
    wanted = {name for request in requests for name in request.ids}
    reading = asyncio.create_task(read_all(reader, wanted))
    began = time.monotonic()
    for request in requests:
        answer = await asyncio.to_thread(system.post, request.path, request.body)
        assert answer.status_code == 200
    sent = time.monotonic() - began
    assert await asyncio.to_thread(system.reaches, "SELECT count() FROM otel_logs", RECORDS) == RECORDS
    stored = time.monotonic() - began
    resumed = await reading
    print(
        f"{RECORDS} log records, {resumed} times resumed: sent {sent:.1f} s, stored {stored:.1f} s, read {time.monotonic() - began:.1f} s after the first"
    )
    assert system.metrics()["mission_control_websocket_dropped_events_total"] > 0
    assert system.memory() < 1_500_000_000
    for link in silent:
        link.close()
    await reader.close()
