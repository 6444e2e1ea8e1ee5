"""A broker that speaks TLS and knows its users: records flow for who may come, everybody else learns why not."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_topics import TopicPlan, ensure_topics
from schemas.errors import LogUnavailableError
from schemas.topics import SPANS
from tests import brokers
from tests.authority import Authority
from tests.pipeline.log.patient import PatientKafkaLog

pytestmark = [pytest.mark.slow, pytest.mark.engine]
PLAN = TopicPlan(1, single_node=True)


@dataclass(frozen=True)
class Secured:
    """`right` gets in; `elsewhere` is the certificate of an authority that the broker does not know."""

    right: KafkaConnection
    elsewhere: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, kafka: Any) -> Iterator[Secured]:
    del kafka  # where there is none, this skips or fails
    place = tmp_path_factory.mktemp("secured")
    ours, others = Authority(place), Authority(place, "others")
    signed, both = ours.server(), place / "broker.pem"
    both.write_bytes(signed.key.read_bytes() + signed.cert.read_bytes())
    login = brokers.Login(both, scram={"collector": "right"}, plain={"guest": "open"})
    with brokers.running(place / "kafka", login=login) as cluster:
        connection = KafkaConnection(
            cluster.bootstrap, f"{uuid4().hex}.", "SASL_SSL", username="collector", password="right", ca_file=ours.ca
        )
        yield Secured(connection, others.ca)


@pytest.mark.parametrize("how", [{}, {"sasl_mechanism": "PLAIN", "username": "guest", "password": "open"}], ids=["SCRAM", "PLAIN"])
def test_records_flow_for_who_may_come(secured: Secured, how: dict[str, Any]) -> None:
    connection = replace(secured.right, prefix=f"{uuid4().hex}.", **how)
    assert len(ensure_topics(connection, PLAN)) == len(list(PLAN.topics()))
    with PatientKafkaLog(connection, send_seconds=20) as log:
        assert asyncio.run(log.writer().append(SPANS, b"one", {"a": "b"})) == (0, 0)
        assert log.check() == ""
        reader = log.reader(SPANS)
        (record,) = reader.poll(1000, 5)
        assert (record.value, record.headers["a"]) == (b"one", "b")
        reader.commit({0: 1})
        assert log.committed(SPANS) == {0: 1}
        log.close_readers()


REFUSALS = [
    ({"password": "wrong"}, "refuses the user 'collector'; look at kafka_username and kafka_password"),
    ({"sasl_mechanism": "PLAIN", "username": "guest"}, "refuses the user 'guest'"),
    ({"sasl_mechanism": "SCRAM-SHA-256"}, "does not take SCRAM-SHA-256; look at kafka_sasl_mechanism"),
    ({"security_protocol": "PLAINTEXT"}, "look at kafka_security_protocol"),
    ({"ca_file": None}, "is not trusted: .*; look at kafka_ca_file"),
]


@pytest.mark.parametrize(("wrong", "reason"), REFUSALS)
def test_who_may_not_come_learns_why(secured: Secured, wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(LogUnavailableError, match=reason):
        ensure_topics(replace(secured.right, **wrong), PLAN)


def test_a_certificate_of_another_authority_stops_a_collector(secured: Secured, caplog: pytest.LogCaptureFixture) -> None:
    with KafkaLog(replace(secured.right, ca_file=secured.elsewhere), send_seconds=20) as log:
        for _ in range(3):
            with pytest.raises(LogUnavailableError, match="is not trusted"):
                log.put(SPANS, b"one", {})
        assert "look at kafka_ca_file" in log.check()
        assert log.reader(SPANS).poll(1000, 0.1) == []
    assert [record.message for record in caplog.records if record.name.startswith("pipeline")] == ["Kafka is away"]


def test_a_broker_without_tls_is_told_from_one_with(kafka: brokers.Cluster, secured: Secured) -> None:
    with pytest.raises(LogUnavailableError, match="kafka_security_protocol"):
        ensure_topics(replace(secured.right, bootstrap_servers=kafka.bootstrap), PLAN)
