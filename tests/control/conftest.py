"""The control room on real parts: the embedded store with every migration, the app under uvicorn, rows put in by hand."""

import asyncio
import hashlib
import itertools
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from control.app import create_app
from control.auth import Doorkeeper
from control.commands import BadArgumentsError
from control.hub import Hub
from control.times import now_ns
from schemas.metrics import Metrics
from schemas.ports import LogWriter
from schemas.settings import Settings
from schemas.store import ClickHouseStore

TOKEN = "a-token-of-the-tests"
ENDPOINTS = {"otlp_http": "http://127.0.0.1:4318", "otlp_grpc": "http://127.0.0.1:4317"}
SECOND = 1_000_000_000
_TIMES = frozenset(
    {"started_at", "last_seen_at", "ended_at", "waiting_since", "last_received", "computed_at", "timestamp", "Timestamp"}
    | {"received", "stored_at", "received_at", "replayed_at", "silenced_until", "first_seen_at", "first_at", "last_at"}
)
_MAPS = frozenset({"attributes", "LogAttributes", "labels"})
_ARRAYS = frozenset({"mcp_ids", "services", "models", "tags", "trace_ids", "span_ids"})


def _column(name: str, values: Sequence[Any]) -> pa.Array:
    if name in _TIMES:
        return pa.array(values, pa.timestamp("ns", "UTC"))
    if name in _MAPS:
        return pa.array([list(value.items()) for value in values], pa.map_(pa.string(), pa.string()))
    if name in _ARRAYS:
        return pa.array(values, pa.list_(pa.string()))
    if isinstance(values[0], bytes):
        return pa.array(values, pa.binary(16))
    return pa.array(values)


@dataclass
class Rows:
    """Puts rows into the physical tables of one project; every call is one row, times in nanoseconds."""

    store: ClickHouseStore
    project: str
    now: int = field(default_factory=now_ns)
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(self, table: str, *rows: Mapping[str, Any]) -> None:
        arrays = {name: _column(name, [row[name] for row in rows]) for name in rows[0]}
        self.store.insert(table, pa.RecordBatch.from_pydict(arrays))

    def _row(self, given: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
        return {"project": self.project, "retention_days": 30, "version": next(self._versions), **defaults, **given}

    def thread(self, thread_id: str, **given: Any) -> dict[str, Any]:
        started = given.get("started_at", self.now - 60 * SECOND)
        row = self._row(
            given, thread_id=thread_id, kind="agent", name="planner", status="complete", started_at=started, is_deleted=0,
            last_seen_at=started + SECOND, last_received=self.now, computed_at=self.now, mcp_ids=["files"], user_input="", agent_name="planner",
        )  # fmt: skip
        self.put("thread_summaries", row)
        return row

    def step(self, thread_id: str, step_id: str, **given: Any) -> dict[str, Any]:
        row = self.step_row(thread_id, step_id, **given)
        self.put("steps", row)
        return row

    def step_row(self, thread_id: str, step_id: str, **given: Any) -> dict[str, Any]:
        return self._row(
            given, thread_id=thread_id, trace_id="t1", step_id=step_id, parent_step_id="", type="tool_call", name=step_id, status="complete",
            started_at=self.now, duration_ns=5_000_000, input="", output="", input_tokens=0, output_tokens=0, cost_usd=0.0, mcp_id="files",
            attributes={}, span_ids=[step_id], received=self.now, log_partition=0, log_offset=0, is_deleted=0,
        )  # fmt: skip

    def activity_row(self, thread_id: str, first_at: int, last_at: int) -> dict[str, Any]:
        """What its log records told of a thread."""
        return {"project": self.project, "thread_id": thread_id, "first_at": first_at, "last_at": last_at, "retention_days": 30}

    def log(self, message: str, **given: Any) -> dict[str, Any]:
        row = self.log_row(message, **given)
        self.put("log_records", row)
        return row

    def log_row(self, message: str, **given: Any) -> dict[str, Any]:
        at = given.get("Timestamp", self.now)
        return self._row(
            given, Timestamp=at, record_id=hashlib.md5(f"{message} {at}".encode()).digest(), Body=message, level="INFO", SeverityNumber=9,
            ServiceName="shop", thread_id="", mcp_id="", LogAttributes={}, received=self.now, log_partition=0, log_offset=0,
        )  # fmt: skip

    def message(self, thread_id: str, role: str, parts: list[dict[str, Any]] | str, **given: Any) -> None:
        body = parts if isinstance(parts, str) else orjson.dumps({"parts": parts, "role": role}).decode()
        content = hashlib.md5(body.encode()).digest()
        self.put(
            "message_rows",
            self._row(
                given, thread_id=thread_id, role=role, content_hash=content, occurrence=1, trace_id="t1", step_id="s1", direction="input", position=0,
                timestamp=self.now, received=self.now, log_partition=0, log_offset=0, is_deleted=0,
            ),
        )  # fmt: skip
        self.put(
            "message_bodies",
            {"project": self.project, "hash": content, "kind": "item", "body": body, "received": self.now, "retention_days": 30},
        )

    def permission(self, thread_id: str, event_id: str, phase: str = "decision", **given: Any) -> dict[str, Any]:
        row = self.permission_row(thread_id, event_id, phase, **given)
        self.put("permission_rows", row)
        return row

    def permission_row(self, thread_id: str, event_id: str, phase: str = "decision", **given: Any) -> dict[str, Any]:
        return self._row(
            given, thread_id=thread_id, event_id=event_id, phase=phase, timestamp=self.now, trace_id="t1", step_id="s1", mcp_id="files",
            subject="agent:planner", resource="file:/tmp/a", action="read", result="allow" if phase == "decision" else "", reason="",
            escalation_detected=0, received=self.now, log_partition=0, log_offset=0, log_topic="otlp_spans", is_deleted=0,
        )  # fmt: skip

    def score(self, thread_id: str, score_id: str, **given: Any) -> None:
        row = self._row(
            given, thread_id=thread_id, score_id=score_id, timestamp=self.now, trace_id="t1", step_id="s1", name="helpful", value=1.0, label="",
            received=self.now, log_partition=0, log_offset=0, log_topic="otlp_logs", is_deleted=0,
        )  # fmt: skip
        self.put("score_records", row)

    def calls(self, tool: str, mcp_id: str = "files", calls: int = 3, errors: int = 0, agent: str = "planner", hours_ago: int = 0) -> None:
        """One row of the hourly rollup of tools."""
        self.store.command(
            "INSERT INTO tool_hours SELECT {project:String}, toStartOfHour(now() - toIntervalHour({ago:UInt16})), {mcp:String}, {tool:String}, {agent:String},"
            " {calls:UInt64}, {errors:UInt64}, quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(12)), now64(9) - toIntervalHour({ago:UInt16}), {version:UInt64}, 0",
            {"project": self.project, "mcp": mcp_id, "tool": tool, "agent": agent, "calls": calls, "errors": errors, "ago": hours_ago, "version": next(self._versions)},
        )  # fmt: skip


@pytest.fixture
def rows(store: ClickHouseStore) -> Rows:
    """Rows of a project that no other test knows."""
    return Rows(store, f"p-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def console_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "console"
    (directory / "vendor").mkdir(parents=True)
    (directory / "index.html").write_text("<!doctype html><title>Mission Control</title>")
    (directory / "main.js").write_text("export {};")
    (directory / "vendor" / "lit.js").write_text("// vendored")
    (directory / "package.json").write_text("{}")
    (directory / ".npmrc").write_text("secret")
    (tmp_path / "outside.js").write_text("// not for the world")
    (directory / "link.js").symlink_to(tmp_path / "outside.js")
    return directory


@dataclass
class Running:
    """The app on a port of its own."""

    app: FastAPI
    hub: Hub
    metrics: Metrics
    doorkeeper: Doorkeeper
    client: httpx.AsyncClient
    port: int

    def socket(self, **options: Any) -> connect:
        """A WebSocket connection with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("additional_headers", {})}
        return connect(f"ws://127.0.0.1:{self.port}/ws", additional_headers=headers, max_size=None, **options)

    async def get(self, path: str, **parameters: Any) -> Any:
        """The answer's JSON; the status must be 200."""
        response = await self.client.get(path, params=parameters or None)
        assert response.status_code == 200, response.text
        return response.json()


Starter = Callable[..., Any]


@pytest.fixture
def start(store: ClickHouseStore, console_dir: Path, tmp_path: Path) -> Starter:
    """`async with start(**settings) as running`."""

    @asynccontextmanager
    async def starting(
        checks: Mapping[str, Callable[[], str]] | None = None, used_store: Any = store, writer: LogWriter | None = None, **given: Any
    ) -> AsyncIterator[Running]:
        settings = Settings(data_dir=tmp_path, **given)
        metrics = Metrics(CollectorRegistry())
        hub = Hub(metrics)
        keeper = Doorkeeper(TOKEN, settings.api_key.get_secret_value())
        app = create_app(used_store, hub, settings, TOKEN, checks or {}, metrics, console_dir, keeper, {"echo": echo}, ENDPOINTS, writer)
        async with serving(app) as port:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:
                yield Running(app, hub, metrics, keeper, client, port)

    return starting


def echo(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    if arguments.get("bad"):
        raise BadArgumentsError("bad is bad")
    return {"said": dict(arguments)}


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[int]:
    """uvicorn on a free port of loopback, in this event loop."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, ws_ping_interval=30, ws_max_size=1 << 20, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # older uvicorns have it
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
async def running(start: Starter) -> AsyncIterator[Running]:
    async with start() as started:
        yield started


async def receive(connection: ClientConnection, kind: str = "") -> dict[str, Any]:
    """The next message, or the next one of a type."""
    while True:
        message: dict[str, Any] = orjson.loads(await asyncio.wait_for(connection.recv(), 120))
        if not kind or message["type"] == kind:
            return message


@pytest.fixture
def say() -> Callable[..., Any]:
    """`await say(connection, type, **fields)` sends a message and returns the first answer that is no event."""

    async def saying(connection: ClientConnection, kind: str, **fields: Any) -> dict[str, Any]:
        await connection.send(orjson.dumps({"type": kind, **fields}).decode())
        while True:
            message = await receive(connection)
            if message["type"] != "event":
                return message

    return saying
