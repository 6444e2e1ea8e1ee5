"""Every setting of Mission Control, in one typed table; read once by the command, passed down from there.

Precedence: command-line option, `MISSION_CONTROL_*` environment variable, `mission_control.yml`, default.
"""

import json
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from schemas.errors import SettingsError

MEBIBYTE = 1024 * 1024


def _several(value: Any) -> Any:
    """Words of an environment variable: a JSON list, or separated by commas."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else [word.strip() for word in value.split(",") if word.strip()]


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_several)]
Doors = Annotated[tuple[Literal["otlp", "sql", "control"], ...], NoDecode, BeforeValidator(_several)]


class SettingsFile(YamlConfigSettingsSource):
    """Raises SettingsError for a file that is YAML and yet no settings."""

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        given = super()._read_file(file_path)
        if not isinstance(given, dict):
            raise SettingsError(file_path.name, "holds no settings; write lines like port: 8000")
        return given


class Settings(BaseSettings):
    """Read from the environment and from `mission_control.yml` in the working directory."""

    model_config = SettingsConfigDict(
        env_prefix="MISSION_CONTROL_", yaml_file="mission_control.yml", extra="forbid", frozen=True, env_ignore_empty=True
    )

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("mission-control", appauthor=False),
        description="Where the log, the store and run.json live.",
    )
    host: str = Field("127.0.0.1", description="Address every port listens on. Anything but loopback needs api_key.")
    port: int = Field(8000, ge=0, le=65535, description="Control API, console, WebSocket; 0 takes any free port.")
    otlp_grpc_port: int = Field(4317, ge=0, le=65535, description="OTLP over gRPC; 0 takes any free port.")
    otlp_http_port: int = Field(4318, ge=0, le=65535, description="OTLP over HTTP; 0 takes any free port.")
    sql_port: int = Field(8123, ge=0, le=65535, description="Read-only SQL over ClickHouse's HTTP protocol; 0 takes any free port.")
    api_key: SecretStr = Field(
        SecretStr(""), description="When set, OTLP, SQL and the API ask for it (Bearer, x-api-key, or SQL password)."
    )
    allowed_hosts: Names = Field(
        (), description="Host names that requests may carry besides loopback ones and `host` (protects against DNS rebinding)."
    )
    cors_origins: Names = Field((), description="Browser origins that may send OTLP or call the API; none by default.")
    tls_cert_file: Path | None = Field(
        None, description="Our certificate and what it is signed by (PEM): every port speaks TLS. Read again when it changes."
    )
    tls_key_file: Path | None = Field(None, description="Its key (PEM, not encrypted), where it is not in the same file.")
    tls_client_ca_file: Path | None = Field(None, description="Certificates (PEM) that clients' are checked against: mutual TLS.")
    tls_client_doors: Doors = Field(
        ("otlp", "sql"), description="Ports that ask for a client's certificate; browsers and probes have none for `control`."
    )
    tls_ca_file: Path | None = Field(None, description="Certificates (PEM) that our own commands check a system's against.")
    tls_client_cert_file: Path | None = Field(None, description="Certificate (PEM) that our own commands show.")
    tls_client_key_file: Path | None = Field(None, description="Its key (PEM), where it is not in the same file.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Level of our own log lines on stderr.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, JSON lines elsewhere.")
    own_metrics_interval: float = Field(
        0,
        ge=0,
        description="Seconds between two looks at our own metrics, which then lie in project `mission-control`; 0: only at /metrics.",
    )
    sentry_dsn: SecretStr = Field(SecretStr(""), description="Send our own errors to Sentry; needs the `sentry` extra.")

    log: Literal["auto", "local", "kafka"] = Field("auto", description="auto: Kafka where kafka_bootstrap_servers is set, else files here.")
    kafka_bootstrap_servers: str = Field("", description="Brokers as host:port, separated by commas.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak with the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to log in with SASL_PLAINTEXT and SASL_SSL."
    )
    kafka_username: str = Field("", description="User of the brokers.")
    kafka_password: SecretStr = Field(SecretStr(""), description="Password of the brokers.")
    kafka_ca_file: Path | None = Field(None, description="Certificates (PEM) that the brokers' are checked against.")
    kafka_cert_file: Path | None = Field(None, description="Our certificate (PEM), where brokers ask for one.")
    kafka_key_file: Path | None = Field(None, description="Its key (PEM), where it is not in the same file.")
    kafka_topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="Before every topic and group, to share a cluster.")
    kafka_compression: Literal["none", "gzip", "lz4", "zstd"] = Field(
        "zstd",
        description="Of what collectors and processors send. lz4 is the slow, high form of it: six times the CPU of zstd, for more bytes.",
    )
    kafka_send_timeout: float = Field(
        1.8, gt=0, description="Seconds that Kafka may take for one request; then its sender gets 503 and comes again."
    )
    kafka_partitions: int = Field(6, ge=1, le=1000, description="Partitions of new topics: at most so many processors work at once.")
    kafka_retention_days: int = Field(7, ge=1, description="Days that new topics keep records.")

    durability: Literal["disk", "process"] = Field("disk", description="disk: acknowledge after fdatasync; process: survives kill -9 only.")
    log_segment_bytes: int = Field(64 * MEBIBYTE, ge=4096, description="Size of one file of the local log.")
    log_max_bytes: int = Field(
        4096 * MEBIBYTE, ge=65536, description="Records that wait for the store take at most this much disk; beyond it senders get 503."
    )
    log_min_free_bytes: int = Field(256 * MEBIBYTE, ge=0, description="Senders get 503 while the disk has less free space than this.")

    otlp_max_bytes: int = Field(64 * MEBIBYTE, ge=1024, description="Largest OTLP request after decompression; more gets 413.")
    otlp_max_concurrent: int = Field(256, ge=1, description="OTLP requests in work at once; more get 429.")
    otlp_request_timeout: float = Field(10.0, gt=0, description="Seconds a sender may take to hand over one request.")

    quota_records_per_second: float = Field(
        0, ge=0, description="Spans, log records, points a project may send per second and collector; more get 429. 0: no limit."
    )
    quota_key_records_per_second: float = Field(0, ge=0, description="The same for each API key. 0: no limit.")
    quota_projects: dict[str, float] = Field(default_factory=dict, description='Exceptions by project, e.g. {"demo": 100}; 0: no limit.')

    batch_max_bytes: int = Field(8 * MEBIBYTE, ge=1024, description="Largest batch of log records that one insert takes.")
    native_mapping: Literal["auto", "off"] = Field(
        "auto", description="auto: requests of traces are mapped by the native kernel where one is built (`make kernel`); off: in Python."
    )
    inserts_per_second: float = Field(12.0, gt=0, description="Most inserts per second and signal; batches grow instead.")
    summary_interval: float = Field(0.25, gt=0, description="Seconds between two rounds of summaries while records come.")
    stalled_after: float = Field(300.0, gt=0, description="Seconds without a sign of life after which a running thread shows as stalled.")
    dead_letter_limit: int = Field(
        1000, ge=1, description="Dead letters in a row after which a processor stops instead of dead-lettering everything."
    )

    retention_days_spans: int = Field(30, ge=1, le=65535, description="Days spans, steps and messages are kept.")
    retention_days_logs: int = Field(30, ge=1, le=65535, description="Days logs are kept.")
    retention_days_metrics: int = Field(30, ge=1, le=65535, description="Days metric points are kept.")
    retention_days_permissions: int = Field(365, ge=1, le=65535, description="Days permission events are kept.")
    retention_days_projects: dict[str, dict[str, int]] = Field(
        default_factory=dict, description='Exceptions by project and signal, e.g. {"demo": {"spans": 2}}.'
    )
    retention_days_mcps: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description='Exceptions by MCP server and signal (spans, logs, permissions), e.g. {"files": {"logs": 3}}; they win over the project\'s.',
    )
    retention_days_hot: int = Field(
        7, ge=1, le=65535, description="Days after which rows move to the volume `warm`, where the store has one."
    )
    archive_days: int = Field(
        365, ge=0, le=65535, description="Days after its arrival until which a record lies in the Parquet archive; 0 archives nothing."
    )
    archive_dir: Path | None = Field(None, description="Where the Parquet archive lies; else `archive` in data_dir.")
    backup_dir: Path | None = Field(None, description="Where a running system writes backups; else `backups` in data_dir.")
    store_warm_dir: Path | None = Field(
        None, description="A directory on a slower disk for rows older than retention_days_hot (embedded engine only)."
    )

    store_memory_bytes: int = Field(
        2048 * MEBIBYTE, ge=256 * MEBIBYTE, description="Memory the embedded engine may use for queries and merges."
    )
    store_cache_bytes: int = Field(64 * MEBIBYTE, ge=0, description="Mark and uncompressed caches of the embedded engine.")
    clickhouse_url: SecretStr = Field(
        SecretStr(""), description="ClickHouse server, http[s]://user:password@host:port; empty: the engine inside this process."
    )
    clickhouse_user: str = Field("", description="User of the ClickHouse server; wins over the URL's.")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="Password of the ClickHouse server; wins over the URL's.")
    clickhouse_ca_file: Path | None = Field(None, description="Certificates (PEM) that the ClickHouse server's is checked against.")
    clickhouse_verify: bool = Field(True, description="Whether the ClickHouse server's certificate is checked at all.")
    clickhouse_cluster: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]*$", description="Name of the cluster in the ClickHouse server's configuration; empty: a single node."
    )
    clickhouse_insert_quorum: str = Field(
        "auto",
        pattern=r"^(auto|[0-9]*)$",
        description="Replicas that must have an insert before it counts, on a cluster; auto: most of them.",
    )
    clickhouse_connect_timeout: int = Field(5, ge=1, description="Seconds to connect to the ClickHouse server.")
    clickhouse_timeout: int = Field(
        60, ge=1, description="Seconds without an answer of the ClickHouse server after which a call is given up."
    )
    query_timeout: float = Field(30.0, gt=0, description="Seconds a query of the API or the SQL endpoint may run.")
    query_memory_bytes: int = Field(1024 * MEBIBYTE, ge=MEBIBYTE, description="Memory one query of the API or the SQL endpoint may use.")
    query_concurrency: int = Field(4, ge=1, description="Queries of the API that run at once.")
    sql_concurrency: int = Field(4, ge=1, description="Queries of the SQL endpoint that run at once.")
    sql_max_rows: int = Field(1_000_000, ge=1, description="Rows one SQL query may return.")
    websocket_queue: int = Field(1000, ge=1, description="Events that wait for one slow WebSocket client before it gets `dropped`.")
    websocket_max_connections: int = Field(1000, ge=1, description="WebSocket connections at once.")
    websocket_ping_interval: float = Field(30.0, gt=0, description="Seconds between two pings to a WebSocket client.")

    @property
    def uses_kafka(self) -> bool:
        return self.log == "kafka" or (self.log == "auto" and bool(self.kafka_bootstrap_servers))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SettingsFile(settings_cls)

    @property
    def backups(self) -> Path:
        return self.backup_dir or self.data_dir / "backups"

    @property
    def archive(self) -> Path:
        return self.archive_dir or self.data_dir / "archive"

    def retention_days(self, project: str, signal: Literal["spans", "logs", "metrics", "permissions"]) -> int:
        exception = self.retention_days_projects.get(project, {}).get(signal)
        default: int = getattr(self, f"retention_days_{signal}")
        return default if exception is None else exception


def load_settings(**options: Any) -> Settings:
    """Settings with the command line's options on top; options that are None were not given."""
    return Settings(**{name: value for name, value in options.items() if value is not None})
