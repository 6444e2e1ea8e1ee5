"""A ClickHouse server for tests: its HTTP interface over the embedded engine, in a process of its own, with faults on demand.

As strict as a server where it matters to clients: lengths of addresses and fields, users, statuses and error codes.
What a server has and this has not: sessions, compression, roles, clusters.
"""

import argparse
import base64
import json
import os
import re
import ssl
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import chdb

MOST_FIELD_BYTES: Final = 128 * 1024
"""http_max_field_value_size as servers come."""
TRANSPORT: Final = frozenset(
    {"query", "database", "query_id", "session_id", "wait_end_of_query", "client_protocol_version", "enable_http_compression", "compress"}
    | {"decompress", "buffer_size", "role", "quota_key", "send_progress_in_http_headers", "http_headers_progress_interval_ms"}
)
STATUSES: Final = {60: 404, 81: 404, 62: 400, 47: 400, 53: 400, 164: 403, 202: 503, 241: 507, 394: 503, 497: 403, 516: 403}
INSERT: Final = re.compile(rb"\s*(INSERT\s+INTO\s+[^\n]+?)\s+FORMAT\s+(\w+)\s*\n", re.IGNORECASE)
CODE: Final = re.compile(r"Code: (\d+)")


class EngineError(Exception):
    """What the engine, or a fault, answers instead of rows."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Engine:
    """Connections to the one engine; each keeps the settings of the last call, so most calls set nothing."""

    def __init__(self, directory: Path) -> None:
        self._path = f"{directory / 'chdb'}?max_server_memory_usage={2 << 30}&mark_cache_size={16 << 20}"
        self._scratch = directory / "inserts"
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._idle: list[tuple[Any, dict[str, str]]] = []
        self._lock = threading.Lock()
        with self._connection({}, ""):
            pass

    def run(self, statement: bytes, settings: Mapping[str, str], database: str, parameters: Mapping[str, str]) -> bytes:
        """The reply in the statement's own format, tab-separated without one. Raises EngineError."""
        insert = INSERT.match(statement)
        with self._connection(settings, database) as connection:
            if insert is None:
                return _asked(connection, statement.decode(), parameters)
            with tempfile.NamedTemporaryFile(dir=self._scratch) as rows:
                rows.write(statement[insert.end() :])
                rows.flush()
                clause = ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
                where = f"FROM INFILE {_quoted(rows.name)}" + (f" SETTINGS {clause}" if clause else "")
                return _asked(connection, f"{insert[1].decode()} {where} FORMAT {insert[2].decode()}", parameters)

    @contextmanager
    def _connection(self, settings: Mapping[str, str], database: str) -> Any:
        with self._lock:
            connection, applied = self._idle.pop() if self._idle else (None, {})
        connect: Any = chdb.connect  # typed in one of the two packages that ship it, and not in the other
        connection = connection or connect(self._path)
        try:
            for name in applied.keys() - settings.keys():
                _asked(connection, f"SET {name} = DEFAULT", {})
                del applied[name]
            for name, value in settings.items():
                if applied.get(name) != value:
                    _asked(connection, f"SET {name} = {_quoted(value)}", {})
                    applied[name] = value
            _asked(connection, f"USE {database or 'default'}", {})
            yield connection
        except EngineError:
            connection.close()  # output of the query that failed may lie in it
            raise
        with self._lock:
            self._idle.append((connection, applied))

    def close(self) -> None:
        for connection, _ in self._idle:
            connection.close()


def _asked(connection: Any, sql: str, parameters: Mapping[str, str]) -> bytes:
    try:
        return bytes(connection.query(sql, "TabSeparated", params=dict(parameters)).bytes() or b"")
    except Exception as error:
        code = CODE.search(str(error))
        raise EngineError(int(code[1]) if code else 1002, str(error)) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass
class Fault:
    """For statements that match; `times` 0 means until it is taken away.

    `kind`: `code` answers as ClickHouse would with `code`, `status` as a proxy would with that status, `hang` waits until the
    fault is taken away, `drop` closes the connection instead of running it, `lost` after having run it.
    """

    kind: str
    match: str = ""
    code: int = 0
    status: int = 500
    times: int = 0
    seen: int = 0
    over: threading.Event = field(default_factory=threading.Event)


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Fault | None = None

    def set(self, fault: Fault | None) -> None:
        with self._lock:
            before, self._current = self._current, fault
        if before is not None:
            before.over.set()

    def meant_for(self, statement: bytes) -> Fault | None:
        with self._lock:
            fault = self._current
            if fault is None or not re.search(fault.match, statement[:20_000].decode("utf-8", "replace")):
                return None
            if fault.times and fault.seen >= fault.times:
                return None
            fault.seen += 1
            return fault

    def seen(self) -> int:
        with self._lock:
            return self._current.seen if self._current else 0


class Handler(BaseHTTPRequestHandler):
    """One request at a time per connection; connections stay open."""

    protocol_version = "HTTP/1.1"
    engine: Engine
    faults: Faults
    user: str
    password: str

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._reply(200, b"Ok.\n")
        elif self.path == "/faults":
            self._reply(200, str(self.faults.seen()).encode())
        else:
            self._answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/faults":
            wanted = json.loads(body)
            self.faults.set(Fault(**wanted) if wanted else None)
            self._reply(200, b"")
        else:
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        try:
            options = self._options()
            query = options.get("query", "").encode()
            statement = query + b"\n" + body if query and body else query or body
            fault = self.faults.meant_for(statement)
            if fault is not None and fault.kind != "lost":
                self._fail(fault)
                return
            settings = {name: value for name, value in options.items() if name not in TRANSPORT and not name.startswith("param_")}
            parameters = {name.removeprefix("param_"): value for name, value in options.items() if name.startswith("param_")}
            reply = self.engine.run(statement, settings, options.get("database", ""), parameters)
            if fault is not None:
                self._drop()
            else:
                self._reply(200, reply, {"X-ClickHouse-Summary": "{}", "X-ClickHouse-Query-Id": options.get("query_id", str(uuid.uuid4()))})
        except EngineError as error:
            self._refuse(error)

    def _options(self) -> dict[str, str]:
        """Raises EngineError for who may not ask, and for what no server reads."""
        given = self.headers.get("authorization", "").removeprefix("Basic ")
        if self.password and base64.b64decode(given).decode() != f"{self.user}:{self.password}":
            raise EngineError(516, f"Code: 516. DB::Exception: {self.user}: Authentication failed. (AUTHENTICATION_FAILED)")
        options = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if any(len(value) > MOST_FIELD_BYTES for value in options.values()):
            raise EngineError(1000, "Poco::Exception. Code: 1000, e.code() = 0, HTML Form Exception: Field value too long")
        return options

    def _fail(self, fault: Fault) -> None:
        if fault.kind == "code":
            raise EngineError(fault.code, f"Code: {fault.code}. DB::Exception: told to fail. (FAULT)")
        if fault.kind == "status":
            self._reply(fault.status, b"<html>a proxy says no</html>")
            return
        if fault.kind == "hang":
            fault.over.wait()
        self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _refuse(self, error: EngineError) -> None:
        self._reply(STATUSES.get(error.code, 500), f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": str(error.code)})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "X-ClickHouse-Timezone": "UTC", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test that fails shows what the client saw."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""
        if not isinstance(sys.exc_info()[1], OSError | ValueError):
            super().handle_error(request, client_address)


def main() -> None:
    """Prints its port once it answers, and ends with its standard input."""
    reader = argparse.ArgumentParser()
    reader.add_argument("directory", type=Path)
    reader.add_argument("--port", type=int, default=0)
    reader.add_argument("--certificate", type=Path, help="PEM with key: speak HTTPS")
    wanted = reader.parse_args()
    Handler.engine, Handler.faults = Engine(wanted.directory), Faults()
    Handler.user, Handler.password = "default", os.environ.get("CLICKHOUSE_PASSWORD", "")
    server = Server(("127.0.0.1", wanted.port), Handler)
    if wanted.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(wanted.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()
    time.sleep(0.1)
    os._exit(0)  # the engine can crash in a normal exit


if __name__ == "__main__":
    main()
