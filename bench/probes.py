"""Single spans and log records that can be recognised when they arrive."""

import time
import uuid
from dataclasses import dataclass
from typing import Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_INFO
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.load import attribute


@dataclass(frozen=True, slots=True)
class Probe:
    """One request with one record. `key` is the span id, or the log's message."""

    signal: Literal["spans", "logs"]
    key: str
    trace: str
    thread: str
    body: bytes


def span(thread: str) -> Probe:
    """A model call that is a trace of its own."""
    trace, request = uuid.uuid4().bytes, ExportTraceServiceRequest()
    key, now = uuid.uuid4().bytes[:8], time.time_ns()
    block = request.resource_spans.add(resource=_resource()).scope_spans.add()
    one = block.spans.add(trace_id=trace, span_id=key, name="chat probe", kind=Span.SPAN_KIND_CLIENT)
    one.start_time_unix_nano, one.end_time_unix_nano = now - 1_000_000, now
    named = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5", "gen_ai.conversation.id": thread}
    one.attributes.extend(attribute(name, value) for name, value in named.items())
    return Probe("spans", key.hex(), trace.hex(), thread, request.SerializeToString())


def log(thread: str) -> Probe:
    key, now, request = f"probe {uuid.uuid4().hex}", time.time_ns(), ExportLogsServiceRequest()
    scope = request.resource_logs.add(resource=_resource()).scope_logs.add()
    record = scope.log_records.add(time_unix_nano=now, observed_time_unix_nano=now, severity_number=SEVERITY_NUMBER_INFO)
    record.body.string_value = key
    record.attributes.append(attribute("gen_ai.conversation.id", thread))
    return Probe("logs", key, "", thread, request.SerializeToString())


def _resource() -> Resource:
    return Resource(attributes=[attribute("service.name", "bench-probe")])
