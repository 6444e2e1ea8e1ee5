"""What a process does: all of it (`up`), or one of the parts that run many times around Kafka and a ClickHouse server."""

from dataclasses import dataclass
from typing import Final

from schemas.errors import SettingsError
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Role:
    """`collects`: OTLP into the log. `processes`: the log into the store. `serves`: API, console, SQL."""

    name: str
    collects: bool = False
    processes: bool = False
    serves: bool = False

    @property
    def stores(self) -> bool:
        """Whether it needs ClickHouse."""
        return self.processes or self.serves


UP: Final = Role("up", collects=True, processes=True, serves=True)
COLLECT: Final = Role("collect", collects=True)
PROCESS: Final = Role("process", processes=True)
SERVE: Final = Role("serve", serves=True)


def check_role(role: Role, settings: Settings) -> None:
    """Raises SettingsError when this role could do nothing with these settings."""
    if settings.uses_kafka and not settings.kafka_bootstrap_servers:
        raise SettingsError("kafka_bootstrap_servers", "name the brokers as host:port, separated by commas")
    if role is UP:
        return
    if not settings.uses_kafka:
        raise SettingsError(
            "kafka_bootstrap_servers", f"`{role.name}` shares its log with other processes, so it needs Kafka; `up` does not"
        )
    if role is SERVE and not settings.clickhouse_url.get_secret_value():
        raise SettingsError("clickhouse_url", "`serve` shares its store with processors, so it needs a ClickHouse server; `up` does not")
