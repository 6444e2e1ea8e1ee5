"""Live updates from processors to the clients of any server, by the commits topic and one kind of cursor."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from tests.brokers import Cluster
from tests.system.roles import roles_in
from tests.system.running import System, eventually
from tests.system.traffic import Agents, Request

PATIENCE = 300


async def listen(system: System, since: str = "") -> ClientConnection:
    """To all logs, from `since` on."""
    url = f"ws://{urlsplit(system.info['console']).netloc}/ws"
    link = await connect(url, additional_headers=dict(system.bearer()), max_size=None)
    await link.send(json.dumps({"type": "subscribe", "channel": "logs:*", "request_id": "1"} | ({"since": since} if since else {})))
    assert json.loads(await link.recv())["type"] == "subscribed"
    return link


async def read(link: ClientConnection, request: Request) -> tuple[list[str], str]:
    """Texts of log events until all of this request came, and the last cursor."""
    texts: list[str] = []
    cursor = ""
    async with asyncio.timeout(PATIENCE):
        while not set(request.ids) <= set(texts):
            said: dict[str, Any] = json.loads(await link.recv())
            if said["type"] == "event":
                texts.append(said["payload"]["message"])
                cursor = said["cursor"]
    return texts, cursor


async def test_a_client_goes_on_at_another_server_where_it_was(tmp_path: Path, kafka: Cluster) -> None:
    with roles_in(tmp_path, kafka, servers=2) as roles:
        await asyncio.to_thread(roles.start)
        first, second = roles.servers
        (collector,), agents = roles.collectors, Agents(1)
        ready = [
            await asyncio.to_thread(eventually, lambda one=one: one.http.get(one.info["console"] + "/ready").status_code == 200)
            for one in roles.servers
        ]
        assert ready == [True, True]

        requests = [agents.logs() for _ in range(3)]
        link = await listen(first)
        assert collector.post(requests[0].path, requests[0].body).status_code == 200
        texts, cursor = await read(link, requests[0])
        assert sorted(texts) == sorted(requests[0].ids)

        await asyncio.to_thread(first.kill)
        assert collector.post(requests[1].path, requests[1].body).status_code == 200
        await asyncio.to_thread(roles.await_quiet)
        link = await listen(second, cursor)
        missed, _ = await read(link, requests[1])
        assert collector.post(requests[2].path, requests[2].body).status_code == 200
        more, _ = await read(link, requests[2])
        assert sorted(missed + more) == sorted([*requests[1].ids, *requests[2].ids])
        await link.close()


def test_the_sender_of_poison_stops_the_processor_which_says_why(tmp_path: Path, kafka: Cluster) -> None:
    """What a foreign program writes need be no OTLP."""
    with roles_in(tmp_path, kafka, DEAD_LETTER_LIMIT="5") as roles:
        roles.start()
        (processor,) = roles.processors
        asyncio.run(poison(kafka.bootstrap, f"{roles.settings['KAFKA_TOPIC_PREFIX']}otlp_logs", 3))
        assert roles.server.reaches("SELECT count() AS n FROM dead_letters", 3) == 3
        assert processor.is_alive()
        asyncio.run(poison(kafka.bootstrap, f"{roles.settings['KAFKA_TOPIC_PREFIX']}otlp_logs", 10))
        assert processor.wait() == 1
        assert "dead letters in a row" in processor.complaints()


async def poison(bootstrap: str, topic: str, count: int) -> None:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for _ in range(count):
            await producer.send_and_wait(topic, b"\xff\xff no OTLP")
