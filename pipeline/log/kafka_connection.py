"""How to reach the brokers, and how our topics and groups are called there."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from schemas.errors import SettingsError

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
REQUEST_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """`prefix` is put before every topic and group, so that several systems can share a cluster. File names are of PEM files."""

    bootstrap_servers: str
    prefix: str = ""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def topic(self, name: str) -> str:
        """The cluster's name of our topic."""
        return self.prefix + name

    def group(self, group: str, topic: str) -> str:
        """One group per topic: a member that comes or goes does not stop the others' topics."""
        return f"{self.prefix}mission_control.{group}.{topic}"

    def options(self) -> dict[str, Any]:
        """Arguments of every client. Raises SettingsError."""
        found: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in self.bootstrap_servers.split(",") if server.strip()],
            "client_id": "mission-control",
            "security_protocol": self.security_protocol,
            "request_timeout_ms": int(REQUEST_SECONDS * 1000),
            "metadata_max_age_ms": 60_000,
        }
        if self.security_protocol.endswith("SSL"):
            found["ssl_context"] = self._tls()
        if self.security_protocol.startswith("SASL"):
            if not self.username:
                raise SettingsError("kafka_username", f"{self.security_protocol} needs a user and a password")
            found |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return found

    def _tls(self) -> ssl.SSLContext:
        """Checks the brokers' certificates and names; shows ours where there is one."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise SettingsError("kafka_ca_file", f"cannot be read: {error}") from error
        if self.cert_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file)
            except OSError as error:
                raise SettingsError("kafka_cert_file", f"cannot be read: {error}") from error
        return context
