"""The log and the store that the settings choose, opened and closed again."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from mission_control.roles import UP, Role
from pipeline.log import LocalLog, MetricsObserver
from schemas.metrics import Metrics
from schemas.migrate import migrate
from schemas.settings import Settings
from schemas.store import ClickHouseStore, create_database, open_store

if TYPE_CHECKING:
    from pipeline.log.kafka import KafkaLog
    from pipeline.log.kafka_connection import KafkaConnection
    from pipeline.log.kafka_topics import TopicPlan

Log: TypeAlias = "LocalLog | KafkaLog"


def kafka_connection(settings: Settings) -> "KafkaConnection":
    from pipeline.log.kafka_connection import KafkaConnection

    return KafkaConnection(
        settings.kafka_bootstrap_servers,
        settings.kafka_topic_prefix,
        settings.kafka_security_protocol,
        settings.kafka_sasl_mechanism,
        settings.kafka_username,
        settings.kafka_password.get_secret_value(),
        settings.kafka_ca_file,
        settings.kafka_cert_file,
        settings.kafka_key_file,
    )


def topic_plan(settings: Settings, single_node: bool) -> "TopicPlan":
    from pipeline.log.kafka_topics import TopicPlan

    return TopicPlan(settings.kafka_partitions, settings.kafka_retention_days, single_node)


@contextlib.contextmanager
def opened_log(settings: Settings, metrics: Metrics) -> Iterator[Log]:
    """Raises SettingsError, LogLockedError."""
    log = _kafka(settings, metrics) if settings.uses_kafka else _local(settings, metrics)
    try:
        log.open()
        yield log
    finally:
        log.close()


def _kafka(settings: Settings, metrics: Metrics) -> "KafkaLog":
    from pipeline.log.kafka import KafkaLog  # its client is not loaded where nobody needs it
    from pipeline.log.kafka_outage import quiet_client

    quiet_client()
    return KafkaLog(
        kafka_connection(settings),
        compression=settings.kafka_compression,
        send_seconds=settings.kafka_send_timeout,
        observer=MetricsObserver(metrics),
    )


def _local(settings: Settings, metrics: Metrics) -> LocalLog:
    return LocalLog(
        settings.data_dir / "log",
        durability=settings.durability,
        segment_bytes=settings.log_segment_bytes,
        max_bytes=settings.log_max_bytes,
        min_free_bytes=settings.log_min_free_bytes,
        observer=MetricsObserver(metrics),
    )


@contextlib.contextmanager
def opened_store(settings: Settings, role: Role) -> Iterator[ClickHouseStore | None]:
    """None for a role that needs none. Who has the store alone brings its schema up to date; a shared one waits for `migrate`.

    Raises SettingsError, StoreLockedError.
    """
    if not role.stores:
        yield None
        return
    store = open_store(settings)
    try:
        if role is UP or not settings.clickhouse_url.get_secret_value():
            create_database(settings)
            migrate(store)
        yield store
    finally:
        store.close()
