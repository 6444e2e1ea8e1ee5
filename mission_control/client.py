"""Client of a running system over its own doors: REST, SQL, OTLP. Every error becomes one clear line."""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx

from mission_control.errors import RefusedError, SqlFailedError, UnreachableError

TIMEOUT: Final = 45.0
"""Seconds; the server gives up on a query before."""
PAGE: Final = 1000
_DENIED: Final = (401, 403)
_NO_SUCH_USER: Final = "516"
"""ClickHouse's code for a wrong name or password."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a running system is: URLs with scheme and port, empty where it has none.

    `tls` says what an https address is trusted by. `key` is the API key from the settings. OTLP and SQL ask for it when the system has one, and want nothing when it has none.
    """

    console: str
    token: str = ""
    sql: str = ""
    otlp_http: str = ""
    otlp_grpc: str = ""
    key: str = ""
    tls: ssl.SSLContext | None = None

    @property
    def is_local(self) -> bool:
        try:
            return urlsplit(self.console).hostname in ("127.0.0.1", "localhost", "::1")
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class SqlReply:
    """`format` is what the reply is in: the query's own FORMAT, else the one that was asked for."""

    format: str
    body: bytes


class Api:
    """Blocking; one per command. Raises UnreachableError and RefusedError everywhere."""

    def __init__(self, target: Target, transport: httpx.BaseTransport | None = None) -> None:
        self.target = target
        # A proxy from the environment is for the world outside this machine.
        trusted: ssl.SSLContext | bool = True if target.tls is None else target.tls
        self._http = httpx.Client(timeout=TIMEOUT, transport=transport, trust_env=not target.is_local, verify=trusted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Row:
        """One JSON object; parameters that are None or "" are left out."""
        given = {name: value for name, value in parameters.items() if value not in (None, "", [], ())}
        return self._json("GET", path, given)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Row:
        return self._json("POST", path, {}, body)

    def items(self, path: str, limit: int, **parameters: Any) -> Iterator[Row]:
        """At most `limit` items of a list, page by page."""
        cursor = None
        while limit > 0:
            page = self.get(path, limit=min(limit, PAGE), cursor=cursor, **parameters)
            yield from page["items"]
            limit -= len(page["items"])
            cursor = page.get("next")
            if not cursor or not page["items"]:
                return

    def probe(self, path: str) -> httpx.Response:
        """The answer of `/health` or `/ready`, whatever its status."""
        return self._send("GET", self.target.console + path)

    def sql(self, query: str, default_format: str = "JSON", **parameters: Any) -> SqlReply:
        """Raises SqlFailedError with ClickHouse's message. `parameters` are the values of `{name:Type}`."""
        options = {f"param_{name}": str(value) for name, value in parameters.items()}
        response = self._keyed(self.target.sql, query.encode(), {}, {"default_format": default_format, **options})
        if response.status_code != httpx.codes.OK:
            raise SqlFailedError(response.text.strip() or f"the SQL endpoint answered {response.status_code}")
        return SqlReply(response.headers.get("x-clickhouse-format", default_format), response.content)

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        return list(json.loads(self.sql(query, **parameters).body)["data"])

    def otlp(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """The answer of the OTLP port, whatever its status."""
        return self._keyed(self.target.otlp_http + path, body, headers)

    def _keyed(self, url: str, body: bytes, headers: Mapping[str, str], options: Mapping[str, str] | None = None) -> httpx.Response:
        """The key from the settings if there is one, else nothing; where that is refused, the token."""
        key = self.target.key
        response = self._send("POST", url, options, body, {**headers, **_bearer(key)})
        if _asks_for_a_key(response) and self.target.token not in ("", key):
            response = self._send("POST", url, options, body, {**headers, **_bearer(self.target.token)})
        return response

    def _json(self, method: str, path: str, parameters: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> Row:
        content = None if body is None else json.dumps(body).encode()
        headers = {**_bearer(self.target.token), "content-type": "application/json"}
        response = self._send(method, self.target.console + path, parameters, content, headers)
        if response.is_error or response.is_redirect:
            raise RefusedError(response.status_code, _detail(response))
        return _object(response)

    def _send(
        self,
        method: str,
        url: str,
        parameters: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            return self._http.request(method, url, params=parameters or None, content=body, headers=headers)
        except (httpx.RequestError, httpx.InvalidURL, UnicodeError) as error:
            raise UnreachableError(url.partition("?")[0], str(error) or type(error).__name__) from error


def _asks_for_a_key(response: httpx.Response) -> bool:
    """Not where ClickHouse's code says that the query is refused, whoever asks."""
    return response.status_code in _DENIED and response.headers.get("x-clickhouse-exception-code", _NO_SUCH_USER) == _NO_SUCH_USER


def path_of(*parts: str) -> str:
    """A path of the API; ids hold any character, slashes too."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def _object(response: httpx.Response) -> Row:
    try:
        given = response.json()
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise RefusedError(response.status_code, f"{response.url.copy_with(query=None)} is no Mission Control: it does not answer in JSON")
    return given


def _detail(response: httpx.Response) -> str:
    """What an RFC 9457 problem says, else the status."""
    try:
        given = response.json()
    except ValueError:
        given = None
    problem = given if isinstance(given, dict) else {}
    return str(problem.get("detail") or problem.get("title") or response.reason_phrase or "no reason given")
