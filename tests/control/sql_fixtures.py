"""A store with the real schema and a few threads, and the SQL endpoint in front of it on a real socket."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from prometheus_client import CollectorRegistry

from control.sql_endpoint import create_sql_app
from schemas.metrics import Metrics
from schemas.settings import load_settings
from schemas.store import Store


@dataclass
class Endpoint:
    port: int
    http: httpx.Client
    metrics: Metrics

    def query(self, sql: str, **options: Any) -> httpx.Response:
        return self.http.post("/", params=options, content=sql)

    def text(self, sql: str, **options: Any) -> str:
        response = self.query(sql, **options)
        assert response.status_code == 200, response.text
        return response.text

    def refusal(self, sql: str, **options: Any) -> tuple[int, int, str]:
        """(HTTP status, code of ClickHouse, body)."""
        response = self.query(sql, **options)
        return response.status_code, int(response.headers["X-ClickHouse-Exception-Code"]), response.text


@contextmanager
def serving(store: Store, **options: Any) -> Iterator[Endpoint]:
    """The endpoint on a free port of the loopback address, by the server that runs it in production."""
    metrics = Metrics(CollectorRegistry())
    app = create_sql_app(store, load_settings(**options), metrics)
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        port = listener.getsockname()[1]
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
                yield Endpoint(port, client, metrics)
        finally:
            server.should_exit = True
            thread.join()


THREADS = 25


def fill(store: Store, project: str) -> None:
    """`THREADS` finished threads t00, t01, … of this project, with ten input tokens more for each."""
    store.command(
        "INSERT INTO thread_summaries (project, started_at, thread_id, name, kind, status, user_input, input_tokens, last_received,"
        " retention_days, version) SELECT {project:String}, toDateTime64('2026-11-01 10:00:00', 9, 'UTC') + number,"
        " 't' || leftPad(toString(number), 2, '0'), 'agent ' || toString(number % 5), 'agent', 'complete', 'hallo \\'Welt\\'',"
        f" number * 10, now64(9), 3650, 1 FROM numbers({THREADS})",
        {"project": project},
    )
