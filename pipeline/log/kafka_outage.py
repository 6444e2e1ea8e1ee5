"""Brokers that cannot be reached: why not, in words that an operator can act on, and one line when they go and one when they are back."""

import logging
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from pipeline.log.kafka_connection import KafkaConnection

_CLIENT: Final = ("aiokafka", "aiokafka.conn", "aiokafka.cluster", "aiokafka.consumer.fetcher", "aiokafka.consumer.group_coordinator")
_MORE: Final = ("aiokafka.producer.sender", "aiokafka.producer.message_accumulator", "aiokafka.consumer.consumer")
logger = logging.getLogger(__name__)


class Outage:
    """Of all parts of one process that speak with the brokers: told by each how it fares, says in the log what changes. From any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._away: set[str] = set()
        self._since = 0.0

    def away(self, part: str, reason: str) -> None:
        with self._lock:
            first, self._away = not self._away, self._away | {part}
            if first:
                self._since = self._clock()
        if first:
            logger.warning("Kafka is away", extra={"part": part, "reason": reason})

    def back(self, part: str) -> None:
        with self._lock:
            if part not in self._away:
                return
            self._away = self._away - {part}
            last, seconds = not self._away, self._clock() - self._since
        if last:
            logger.warning("Kafka is back", extra={"seconds": round(seconds, 1)})


async def started(client: Any, connection: KafkaConnection, end: Callable[[], Awaitable[None]]) -> None:
    """Start a client of the library, or `end` it. Raises KafkaError, which says why no broker lets us in."""
    try:
        await client.start()
    except KafkaConnectionError as error:
        await end()
        raise KafkaConnectionError(await why_not(connection) or f"{words(error)}; look at kafka_security_protocol") from error
    except BaseException:
        await end()
        raise


async def why_not(connection: KafkaConnection) -> str:
    """What the first broker that refuses us has against it, by one try with each; "" when none refuses."""
    options = connection.options()
    names = ("security_protocol", "ssl_context", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
    told = {name: options[name] for name in names if name in options}
    for server in options["bootstrap_servers"]:
        host, _, port = server.rpartition(":")
        try:
            link = await create_conn(host.strip("[]"), int(port), request_timeout_ms=options["request_timeout_ms"], **told)
        except (KafkaError, OSError, ValueError) as error:
            return _said(server, connection, error)
        link.close()
    return ""


def _said(server: str, connection: KafkaConnection, error: Exception) -> str:
    match error:
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return f"{server} refuses the user {connection.username!r}; look at kafka_username and kafka_password"
        case UnsupportedSaslMechanismError():
            return f"{server} does not take {connection.sasl_mechanism}; look at kafka_sasl_mechanism"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {server} is not trusted: {error.verify_message}; look at kafka_ca_file"
        case ssl.SSLError():
            return f"{server} does not speak TLS as we do: {error.reason}; look at kafka_security_protocol"
        case _ if isinstance(error, ConnectionResetError) or "closed" in str(error):
            return f"{server} closes the connection; look at kafka_security_protocol"
        case _:
            return f"{server}: {words(error)}"


def words(error: Exception) -> str:
    """What it says, without its name before it."""
    name = type(error).__name__
    return str(error).removeprefix(f"{name}: ") or name


class _OnlyDefects(logging.Filter):
    """The library writes a line for every attempt; those are for who asks for them, by DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info) or logging.getLogger().isEnabledFor(logging.DEBUG)


_ONLY_DEFECTS: Final = _OnlyDefects()


def quiet_client() -> None:
    """For a process that says by `Outage` what matters. Safe to repeat."""
    for name in (*_CLIENT, *_MORE):
        logging.getLogger(name).addFilter(_ONLY_DEFECTS)
