"""Which role can run with which settings, and what each is told apart by."""

import pytest
from typer.testing import CliRunner

from mission_control.main import app
from mission_control.opening import kafka_connection, topic_plan
from mission_control.roles import COLLECT, PROCESS, SERVE, UP, Role, check_role
from pipeline.log.kafka_connection import KafkaConnection
from schemas.errors import SettingsError
from schemas.settings import load_settings

KAFKA = {"kafka_bootstrap_servers": "127.0.0.1:9092"}
STORE = {"clickhouse_url": "http://127.0.0.1:8123"}


def test_up_needs_nothing() -> None:
    check_role(UP, load_settings())
    assert UP.stores
    assert not COLLECT.stores


@pytest.mark.parametrize("role", [COLLECT, PROCESS, SERVE])
def test_the_parts_need_kafka(role: Role) -> None:
    with pytest.raises(SettingsError, match="kafka_bootstrap_servers: `" + role.name):
        check_role(role, load_settings(**STORE))
    check_role(role, load_settings(**KAFKA, **STORE))


def test_serve_needs_a_server() -> None:
    with pytest.raises(SettingsError, match="clickhouse_url"):
        check_role(SERVE, load_settings(**KAFKA))


def test_kafka_needs_brokers() -> None:
    with pytest.raises(SettingsError, match="name the brokers"):
        check_role(UP, load_settings(log="kafka"))


def test_the_log_is_where_the_settings_say() -> None:
    assert not load_settings().uses_kafka
    assert load_settings(**KAFKA).uses_kafka
    assert not load_settings(log="local", **KAFKA).uses_kafka


def test_settings_reach_the_connection() -> None:
    settings = load_settings(
        **KAFKA, kafka_username="u", kafka_password="p", kafka_security_protocol="SASL_PLAINTEXT", kafka_topic_prefix="x."
    )
    assert kafka_connection(settings) == KafkaConnection(
        "127.0.0.1:9092", "x.", security_protocol="SASL_PLAINTEXT", username="u", password="p"
    )
    plan = topic_plan(load_settings(kafka_partitions=12, kafka_retention_days=3), single_node=True)
    assert (plan.partitions, plan.retention_days, plan.replicas) == (12, 3, 1)


@pytest.mark.parametrize("command", ["collect", "process", "serve"])
def test_a_role_that_cannot_run_says_so_in_one_line(command: str) -> None:
    done = CliRunner().invoke(app, [command])
    assert done.exit_code == 2
    assert done.stderr.startswith("mission-control: kafka_bootstrap_servers: ")
    assert done.stderr.count("\n") == 1
