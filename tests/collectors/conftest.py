"""Real servers on free ports, in front of a log that keeps everything in memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry

from collectors.grpc import OtlpGrpc
from collectors.http import http_app
from collectors.keys import Keys, KnownKeys
from collectors.receive import Receiver
from schemas import otlp
from schemas.errors import LogUnavailableError
from schemas.metrics import Metrics
from schemas.otlp import ExportRequest
from schemas.sender_keys import KeyBook, SenderKey, digest_of
from schemas.settings import Settings, load_settings
from schemas.topics import PROJECT_HEADER

NOW = 1_790_000_000_000_000_000


def bound_key(key: str, project: str) -> KnownKeys:
    """Nobody but the holder of `key` may send."""
    book = KeyBook(is_complete=True)
    book.take([SenderKey("k1", "test", digest_of(key), project, "2030-01-01T00:00:00Z")])
    return KnownKeys("", book)


@dataclass(frozen=True)
class Appended:
    topic: str
    value: bytes
    headers: Mapping[str, str]

    @property
    def message(self) -> ExportRequest:
        message = otlp.parse_strict(self.topic, self.value)
        assert message is not None
        return message


@dataclass
class MemoryLog:
    """The log's port, in memory: one partition a topic."""

    appended: list[Appended] = field(default_factory=list)
    refusal: Exception | None = None
    """Raised instead of appending."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Appends wait for it; open unless a test clears it."""

    def __post_init__(self) -> None:
        self.gate.set()

    async def append(self, topic: str, value: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        self.appended.append(Appended(topic, value, dict(headers)))
        return 0, len(self.appended) - 1

    def refuse(self, reason: str = "disk full", retry_after: float = 2.5) -> None:
        self.refusal = LogUnavailableError(reason, retry_after)


@dataclass
class Collector:
    log: MemoryLog
    metrics: Metrics
    receiver: Receiver
    http: httpx.AsyncClient
    http_port: int
    grpc_port: int

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"mission_control_{name}", labels)

    async def reaches(self, value: float, name: str, **labels: str) -> None:
        async with asyncio.timeout(120):
            while self.metric(name, **labels) != value:  # noqa: ASYNC110  metrics tell nobody that they change
                await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """The app on a free port of the loopback address, by the server that runs it in production."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@asynccontextmanager
async def collecting(settings: Settings, keys: Keys | None = None) -> AsyncIterator[Collector]:
    log, metrics = MemoryLog(), Metrics(CollectorRegistry())
    receiver = Receiver(log, settings, metrics, lambda: NOW, keys)
    grpc = OtlpGrpc(receiver, settings)
    async with AsyncExitStack() as stack:
        grpc_port = await grpc.start()
        http_port = await stack.enter_async_context(serving(http_app(receiver, settings)))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", timeout=120))
        yield Collector(log, metrics, receiver, client, http_port, grpc_port)
        await grpc.stop(2)
    receiver.close()


Collect = Callable[..., Awaitable[Collector]]


@pytest.fixture
async def collect(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Collect]:
    """Start a collector with these settings (and `keys`); it stops after the test."""
    caplog.set_level(logging.INFO)
    async with AsyncExitStack() as stack:

        async def start(keys: Keys | None = None, **settings: Any) -> Collector:
            chosen = load_settings(**{"otlp_grpc_port": 0, **settings})
            return await stack.enter_async_context(collecting(chosen, keys))

        yield start


@pytest.fixture
async def collector(collect: Collect) -> Collector:
    return await collect()


def spans_request(count: int = 1, project: str = "", **attributes: str) -> ExportTraceServiceRequest:
    """`count` spans of one resource."""
    request = ExportTraceServiceRequest()
    add_resource(request, count, project, **attributes)
    return request


def add_resource(request: ExportTraceServiceRequest, count: int, project: str, **attributes: str) -> None:
    block = request.resource_spans.add()
    if project:
        block.resource.attributes.add(key=PROJECT_HEADER).value.string_value = project
    scope = block.scope_spans.add()
    for index in range(count):
        span = scope.spans.add(trace_id=b"t" * 16, span_id=index.to_bytes(8, "big"), name=f"span {index}")
        for key, value in attributes.items():
            span.attributes.add(key=key).value.string_value = value
