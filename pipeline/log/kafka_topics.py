"""The topics of a Kafka cluster: made where they are missing, refused where they would lose records."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from pipeline.log.errors import TooFewBrokersError, UnsafeTopicError
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_loop import LoopThread
from pipeline.log.kafka_outage import started, words
from pipeline.log.kafka_writer import MOST_BYTES
from schemas.errors import LogUnavailableError
from schemas.topics import COMMITS, KEYS, SIGNALS

SAFE_REPLICAS: Final = 3
SAFE_IN_SYNC: Final = 2
DAY_MS: Final = 86_400_000
COMMITS_MS: Final = DAY_MS
IN_SYNC: Final = "min.insync.replicas"
PATIENCE_SECONDS: Final = 30.0
_EXISTS: Final = 36
_UNKNOWN: Final = 3
_REPLICATION: Final = 38
_OVERHEAD: Final = 64 * 1024
"""Headers and framing around the largest value."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """`partitions` and days of new topics; existing ones keep theirs. `single_node`: accept topics that one broker's death can take along."""

    partitions: int = 6
    retention_days: int = 7
    single_node: bool = False

    @property
    def replicas(self) -> int:
        return 1 if self.single_node else SAFE_REPLICAS

    @property
    def in_sync(self) -> int:
        return 1 if self.single_node else SAFE_IN_SYNC

    def topics(self) -> Iterator[tuple[str, int, Mapping[str, str]]]:
        """Name, partitions and settings of each. Commits and keys lie in one partition, so that they keep their order."""
        common = {IN_SYNC: str(self.in_sync), "max.message.bytes": str(MOST_BYTES + _OVERHEAD)}
        for name in SIGNALS:
            yield name, self.partitions, {**common, "retention.ms": str(self.retention_days * DAY_MS)}
        yield COMMITS, 1, {**common, "retention.ms": str(COMMITS_MS)}
        yield KEYS, 1, {**common, "cleanup.policy": "compact"}


def ensure_topics(connection: KafkaConnection, plan: TopicPlan) -> list[str]:
    """Make what is missing, check what is there; returns the names of those made. Blocks.

    Raises SettingsError, TooFewBrokersError, UnsafeTopicError, and LogUnavailableError when the cluster does not do it now.
    """
    loop = LoopThread("kafka-topics")
    try:
        return loop.call(_ensure(connection, plan), PATIENCE_SECONDS)
    except (KafkaError, TimeoutError) as error:
        raise LogUnavailableError(f"Kafka: {words(error)}") from error
    finally:
        loop.close()


async def _ensure(connection: KafkaConnection, plan: TopicPlan) -> list[str]:
    async with _Admin(connection) as admin:
        names = [connection.topic(name) for name, _, _ in plan.topics()]
        there = [topic for topic in await admin.describe_topics(names) if topic["error_code"] != _UNKNOWN]
        await _check(admin, there, plan)
        return await _make(admin, connection, plan, {topic["topic"] for topic in there})


class _Admin:
    """The library's client closes by a coroutine and is no context manager of its own."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._client: Any = AIOKafkaAdminClient(**connection.options())

    async def __aenter__(self) -> Any:
        await started(self._client, self._connection, self._client.close)
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def _make(admin: Any, connection: KafkaConnection, plan: TopicPlan, there: set[str]) -> list[str]:
    wanted = [
        NewTopic(connection.topic(name), partitions, plan.replicas, topic_configs=dict(settings))
        for name, partitions, settings in plan.topics()
        if connection.topic(name) not in there
    ]
    made = []
    for name, code, message in (await admin.create_topics(wanted)).topic_errors if wanted else ():
        if code == 0:
            made.append(name)
        elif code == _REPLICATION:
            raise TooFewBrokersError(name, plan.replicas)
        elif code != _EXISTS:  # somebody else may have made it meanwhile
            raise for_code(code)(f"topic {name}: {message}")
    return made


async def _check(admin: Any, topics: Sequence[Mapping[str, Any]], plan: TopicPlan) -> None:
    """Raises UnsafeTopicError."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic["topic"], {IN_SYNC: None}) for topic in topics]
    in_sync = {
        name: int(value)
        for response in (await admin.describe_configs(wanted) if wanted else ())
        for _, _, _, name, entries in response.resources
        for setting, value, *_ in entries
        if setting == IN_SYNC
    }
    for topic in topics:
        replicas = min((len(partition["replicas"]) for partition in topic["partitions"]), default=0)
        if replicas < plan.replicas or in_sync.get(topic["topic"], 0) < plan.in_sync:
            raise UnsafeTopicError(topic["topic"], replicas, in_sync.get(topic["topic"], 0))
