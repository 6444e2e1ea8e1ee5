"""One line when the brokers go, one when they are back, whatever the client's library says in between."""

import asyncio
import logging

import pytest

from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_outage import Outage, quiet_client, why_not, words


def test_an_outage_is_one_line_and_its_end_another(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    outage = Outage(lambda: now)
    outage.back("producer")
    for part in ("producer", "otlp_spans", "producer"):
        outage.away(part, "refused")
    outage.back("producer")
    now = 112.34
    outage.back("otlp_spans")
    outage.back("otlp_spans")
    assert [record.message for record in caplog.records] == ["Kafka is away", "Kafka is back"]
    assert caplog.records[0].__dict__["reason"] == "refused"
    assert caplog.records[1].__dict__["seconds"] == 12.3


def test_of_the_library_only_defects_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    quiet_client()
    quiet_client()
    client = logging.getLogger("aiokafka")
    client.error("Unable connect to a:1")
    try:
        raise ValueError
    except ValueError:
        client.exception("a defect")
    assert [record.message for record in caplog.records] == ["a defect"]
    with caplog.at_level(logging.DEBUG):
        client.error("Unable connect to a:1")
    assert len(caplog.records) == 2


async def test_the_first_broker_that_refuses_is_named() -> None:
    assert (await why_not(KafkaConnection("127.0.0.1:1,127.0.0.1:2"))).startswith("127.0.0.1:1: ")
    assert (await why_not(KafkaConnection("nonsense"))).startswith("nonsense: ")


def test_an_error_says_its_name_once() -> None:
    assert words(ValueError("ValueError: x")) == words(ValueError("x")) == "x"
    assert words(ValueError()) == "ValueError"


async def test_a_port_that_speaks_no_tls_is_told() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        said = await why_not(KafkaConnection(address, security_protocol="SSL"))
    assert said.startswith(f"{address} does not speak TLS as we do")
    assert said.endswith("look at kafka_security_protocol")
