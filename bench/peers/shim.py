"""ClickHouse's HTTP protocol as far as Rotel and the OpenTelemetry Collector speak it, over the engine that we embed.

`python -m bench.peers.shim DIR PORT`. `POST /?query=INSERT INTO t (columns) FORMAT f` inserts the body; `GET /count` answers how many rows
there are. Questions have their query in the body and are answered in format Native: the Collector's client asks for columns so.
"""

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from control.sql_blocks import hello, is_hello
from schemas.store import ClickHouseStore, open_embedded

INSERT: Final = re.compile(r"INSERT INTO (?P<table>\S+)\s+\((?P<columns>[^)]*)\)\s+FORMAT (?P<format>\w+)", re.IGNORECASE)
QUESTION: Final = re.compile(r"(SELECT|DESCRIBE)\s", re.IGNORECASE)
QUOTED: Final = ' \t\n"`'
SETTINGS: Final = {"async_insert": "0", "max_partitions_per_insert_block": "0"}
SCHEMA: Final = Path(__file__).with_name("otel_traces.sql")


class Shim(ThreadingHTTPServer):
    """Listens on loopback only."""

    daemon_threads = True

    def __init__(self, store: ClickHouseStore, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.store = store
        self.one_insert = threading.Lock()

    def insert(self, query: str, body: bytes) -> None:
        """Raises ValueError when it is no INSERT that we know."""
        match = INSERT.fullmatch(query.strip())
        if match is None:
            raise ValueError(f"no INSERT: {query[:200]}")
        columns = [column.strip(QUOTED) for column in match["columns"].split(",")]
        table = match["table"].replace('"', "").replace("`", "")
        with self.one_insert, self.store.client() as client:
            client.raw_insert(table, column_names=columns, insert_block=body, fmt=match["format"], settings=SETTINGS)

    def ask(self, query: str, protocol_version: int) -> bytes:
        """The answer in format Native. Raises ValueError for what is no question."""
        if is_hello(query, protocol_version):
            return hello("bench", "26.9.1.1", "UTC")
        if not QUESTION.match(query):
            raise ValueError(f"no question: {query[:200]}")
        with self.store.client() as client:
            return bytes(client.raw_query(query, fmt="Native"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Shim

    def do_GET(self) -> None:
        rows = self.server.store.query("SELECT count() AS rows FROM otel_traces")
        self._answer(200, str(rows[0]["rows"]).encode())

    def do_POST(self) -> None:
        body, said = self._body(), parse_qs(urlsplit(self.path).query)
        try:
            if "query" in said:
                self.server.insert(said["query"][0], body)
                reply = b""
            else:
                reply = self.server.ask(body.decode(), int(said.get("client_protocol_version", ["0"])[0]))
        except Exception as error:  # noqa: BLE001  what it was is the client's to read
            self._answer(500, str(error).encode())
        else:
            self._answer(200, reply)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().strip(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: one line per insert helps nobody."""


def main(directory: str, port: str) -> None:
    store = open_embedded(Path(directory), 2 * 1024**3, 64 * 1024**2, database="otel")
    store.command(SCHEMA.read_text(encoding="utf-8"))
    shim = Shim(store, int(port))
    print(shim.server_address[1], flush=True)
    shim.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:3])
