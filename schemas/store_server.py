"""Where a ClickHouse server is and how calls travel there: pure readings of the settings, and statements that fit into a request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from schemas.errors import SettingsError
from schemas.settings import Settings

DATABASE: Final = "mission_control"
"""The only one: the tables are promised under this name, and the SQL endpoint knows no other."""

MOST_PARAMETER_BYTES: Final = 2 * 1024
"""Parameters travel in the address of a request, of which proxies take 8 KiB and a server's fields 128 KiB at most."""
MOST_STATEMENT_BYTES: Final = 256 * 1024 * 1024
_DEFAULT_PORTS: Final = {"http": 8123, "https": 8443}


@dataclass(frozen=True, slots=True)
class Server:
    """`cluster` '' means a single node. Timeouts in seconds; `timeout` is how long a call may be without an answer."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    ca_file: Path | None = None
    verify: bool = True
    cluster: str = ""
    insert_quorum: str = ""
    connect_timeout: int = 5
    timeout: int = 60

    @property
    def address(self) -> str:
        """For people: without user and password."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def settings(self, comment: str) -> dict[str, str]:
        """What every call carries; `comment` is what its queries are known by, to be killed."""
        always = {"log_comment": comment, "max_query_size": str(MOST_STATEMENT_BYTES)}
        if not self.cluster:
            return always
        distributed = {
            "distributed_foreground_insert": "1",  # an insert is answered when the shards have it, not when it lies in a queue
            "distributed_product_mode": "global",  # a subquery over all shards is run once, not once on each of them
            "prefer_global_in_and_join": "1",
        }
        return always | distributed | ({"insert_quorum": self.insert_quorum} if self.insert_quorum else {})


def server_of(settings: Settings) -> Server:
    """`clickhouse_url` is `http[s]://[user[:password]@]host[:port][/mission_control]`. Raises SettingsError."""
    try:
        url = urlsplit(settings.clickhouse_url.get_secret_value())
        port = url.port
    except ValueError as error:
        raise SettingsError("clickhouse_url", "it is no URL like https://user:password@host:8443") from error
    if url.scheme not in _DEFAULT_PORTS or not url.hostname or url.query or url.fragment:
        raise SettingsError("clickhouse_url", "it is no URL like https://user:password@host:8443")
    if url.path.strip("/") not in ("", DATABASE):
        raise SettingsError("clickhouse_url", f"the database is always {DATABASE}; leave the path out")
    if settings.clickhouse_ca_file is not None and not settings.clickhouse_ca_file.is_file():
        raise SettingsError("clickhouse_ca_file", f"{settings.clickhouse_ca_file} is no file")
    return Server(
        scheme=url.scheme,
        host=url.hostname,
        port=port or _DEFAULT_PORTS[url.scheme],
        user=settings.clickhouse_user or unquote(url.username or "") or "default",
        password=settings.clickhouse_password.get_secret_value() or unquote(url.password or ""),
        ca_file=settings.clickhouse_ca_file,
        verify=settings.clickhouse_verify,
        cluster=settings.clickhouse_cluster,
        insert_quorum=settings.clickhouse_insert_quorum,
        connect_timeout=settings.clickhouse_connect_timeout,
        timeout=settings.clickhouse_timeout,
    )


def fitting(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same call with long texts and lists written into the statement, because parameters of a request are short."""
    short = dict(parameters)
    for name, value in parameters.items():
        if isinstance(value, str | list | tuple) and sum(len(str(item)) for item in value) > MOST_PARAMETER_BYTES:
            parts = re.split(rf"\{{{name}:([^{{}}]+)\}}", sql)
            literals = (f"CAST({_literal(value)} AS {kind})" for kind in parts[1::2])
            sql = "".join(text for pair in zip_longest(parts[::2], literals, fillvalue="") for text in pair)
            del short[name]
    return sql, short


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, Sequence):
        return f"[{', '.join(_literal(item) for item in value)}]"
    return str(value)
