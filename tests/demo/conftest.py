"""A real OTLP/HTTP receiver that decodes what it gets."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Item:
    """A span or a log record. `name`: the span's or the event's; `body`: a log's text."""

    resource: dict[str, Any]
    scope: str
    name: str
    attributes: dict[str, Any]
    trace_id: str
    span_id: str
    parent_id: str = ""
    at: int = 0
    failed: bool = False
    severity: int = 0
    body: str = ""
    kind: int = 0

    @property
    def service(self) -> str:
        return str(self.resource["service.name"])

    @property
    def thread(self) -> str:
        return str(self.attributes.get("gen_ai.conversation.id", ""))


@dataclass
class Received:
    """Everything that arrived. `scenario` asks for the threads that began with that name."""

    spans: list[Item] = field(default_factory=list)
    logs: list[Item] = field(default_factory=list)
    metrics: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def events(self, name: str, scenario: str = "") -> list[Item]:
        found = [log for log in self.logs if log.name == name and log.thread.startswith(scenario)]
        return sorted(found, key=lambda log: log.at)

    def spans_of(self, scenario: str, prefix: str = "") -> list[Item]:
        found = [span for span in self.spans if span.thread.startswith(scenario) and span.name.startswith(prefix)]
        return sorted(found, key=lambda span: span.at)

    def open_threads(self) -> set[str]:
        ended = {log.attributes["session.id"] for log in self.events("session.end")}
        return {log.attributes["session.id"] for log in self.events("session.start")} - ended


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_plain(v) for v in value.array_value.values] if kind == "array_value" else getattr(value, kind or "string_value")


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _spans(request: ExportTraceServiceRequest) -> Iterator[Item]:
    for resource in request.resource_spans:
        about = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for s in scope.spans:
                ids = (s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex())
                failed = s.status.code == 2
                yield Item(about, scope.scope.name, s.name, _attributes(s.attributes), *ids, s.start_time_unix_nano, failed, kind=s.kind)


def _logs(request: ExportLogsServiceRequest) -> Iterator[Item]:
    for resource in request.resource_logs:
        about = _attributes(resource.resource.attributes)
        for scope in resource.scope_logs:
            for r in scope.log_records:
                ids = (r.trace_id.hex(), r.span_id.hex())
                known: dict[str, Any] = {"at": r.time_unix_nano, "severity": r.severity_number, "body": r.body.string_value}
                yield Item(about, scope.scope.name, r.event_name, _attributes(r.attributes), *ids, **known)


def _metrics(request: ExportMetricsServiceRequest) -> Iterator[tuple[str, str]]:
    for resource in request.resource_metrics:
        service = str(_attributes(resource.resource.attributes)["service.name"])
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield service, metric.name


@contextmanager
def receiving() -> Iterator[Received]:
    """Receive on a free port as long as the block."""
    received = Received()
    kinds: dict[str, tuple[type[Message], Any, list[Any]]] = {
        "/v1/traces": (ExportTraceServiceRequest, _spans, received.spans),
        "/v1/logs": (ExportLogsServiceRequest, _logs, received.logs),
        "/v1/metrics": (ExportMetricsServiceRequest, _metrics, received.metrics),
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request, decode, into = kinds[self.path]
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            into.extend(decode(request.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Not to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield received
        server.shutdown()
        thread.join()


@pytest.fixture
def received() -> Iterator[Received]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[Received]:
    with receiving() as found:
        yield found
