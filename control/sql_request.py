"""One request of ClickHouse's HTTP protocol, read: what to run, as whom, in which shape to answer. No I/O."""

import base64
import binascii
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from control.sql_catalog import HANDED_ON_SETTINGS, IGNORED_SETTINGS
from control.sql_errors import SqlRejectedError
from schemas.store import DATABASE

_OWN: Final = frozenset({"query", "database", "default_format", "query_id", "user", "password", "session_id"})
_FORMAT_NAME: Final = re.compile(r"\w+")
_QUERY_ID: Final = re.compile(r"[\w.:/+-]{1,128}")


@dataclass(frozen=True)
class SqlRequest:
    """`parameters` are the values of `{name:Type}`, escaped as the client sent them; `settings` those the engine gets."""

    sql: str
    default_format: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    query_id: str
    compressed: bool
    framed: bool = False
    """Whether the reply is to come in the frames of `compress=1`."""
    protocol_version: int = 0
    """What the client says it speaks of ClickHouse's own protocol."""


def read_request(options: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> SqlRequest:
    """`options` are the URL's; `headers` are in lower case. Raises SqlRejectedError."""
    database = options.get("database") or headers.get("x-clickhouse-database") or DATABASE
    if database not in (DATABASE, "default"):
        raise SqlRejectedError(81, "UNKNOWN_DATABASE", f"Database {database} does not exist; there is one: {DATABASE}.")
    if options.get("decompress", "0") not in ("0", ""):
        raise SqlRejectedError(48, "NOT_IMPLEMENTED", "decompress=1 is not implemented here, where one only reads.")
    if headers.get("content-type", "").startswith("multipart/"):
        raise SqlRejectedError(48, "NOT_IMPLEMENTED", "Forms are not implemented here; put the query in the body, parameters in the URL.")
    query_id, protocol = options.get("query_id", ""), options.get("client_protocol_version", "")
    return SqlRequest(
        _sql(options.get("query", ""), body),
        _format(options.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated"),
        {name[6:]: value for name, value in options.items() if name.startswith("param_")},
        _settings(options),
        query_id if _QUERY_ID.fullmatch(query_id) else str(uuid.uuid4()),
        options.get("enable_http_compression", "0") == "1",
        options.get("compress", "0") not in ("0", ""),
        int(protocol) if protocol.isdecimal() else 0,
    )


def _sql(query: str, body: bytes) -> str:
    """ClickHouse reads the URL's query and then the body as one text."""
    try:
        rest = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SqlRejectedError(62, "SYNTAX_ERROR", "Syntax error: the query is not UTF-8.") from error
    return f"{query}\n{rest}" if query and rest else query or rest


def _format(name: str) -> str:
    if not _FORMAT_NAME.fullmatch(name):
        raise SqlRejectedError(73, "UNKNOWN_FORMAT", f"Unknown format {name!r}.")
    return name


def _settings(options: Mapping[str, str]) -> dict[str, str]:
    settings = {}
    for name, value in options.items():
        if name in HANDED_ON_SETTINGS:
            settings[name] = value
        elif name not in IGNORED_SETTINGS | _OWN and not name.startswith("param_"):
            raise SqlRejectedError(164, "READONLY", f"Cannot modify '{name}' setting in readonly mode.")
    return settings


def check_credentials(options: Mapping[str, str], headers: Mapping[str, str], api_key: str) -> None:
    """With no `api_key` user `default` needs no password, with one it is the password. Raises SqlRejectedError (516)."""
    user, password = _credentials(options, headers)
    right = secrets.compare_digest(password.encode(), api_key.encode())
    if not right or user not in ("default", ""):
        message = f"{user or 'default'}: Authentication failed: password is incorrect, or there is no user with such name."
        raise SqlRejectedError(516, "AUTHENTICATION_FAILED", message)


def _credentials(options: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """(user, password) by the first way the request uses; ("", "") when it uses none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "", value.strip()
    if "x-api-key" in headers:
        return "", headers["x-api-key"]
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SqlRejectedError(516, "AUTHENTICATION_FAILED", "Invalid HTTP authentication: this is not Basic.") from error
        return user, password
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")
    return options.get("user", ""), options.get("password", "")
