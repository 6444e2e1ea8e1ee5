"""OTLP between bytes and messages, without any I/O: requests in, responses and errors out.

What comes in is read with the strictest parser that takes it, because forwarding the sender's own bytes is cheapest;
what only an indulgent reader can take (invalid UTF-8, values nested too deeply) is repaired by `schemas.otlp_repair`,
JSON is put into protobuf's own JSON form by `schemas.otlp_json`.
"""

from collections.abc import Mapping, MutableSequence
from typing import Final, Literal, TypeAlias, cast

import orjson
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # the package has stubs but no py.typed marker
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # as above
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from schemas.errors import MalformedRequestError
from schemas.otlp_json import load_json
from schemas.otlp_repair import repair
from schemas.topics import LOGS, METRICS, PROJECT_HEADER, SPANS

Encoding = Literal["protobuf", "json"]
ExportRequest: TypeAlias = ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest
ResourceBlock: TypeAlias = ResourceSpans | ResourceLogs | ResourceMetrics

PROTOBUF_TYPE: Final = "application/x-protobuf"
JSON_TYPE: Final = "application/json"
ENCODINGS: Final[Mapping[str, Encoding]] = {PROTOBUF_TYPE: "protobuf", "application/protobuf": "protobuf", JSON_TYPE: "json"}

REQUESTS: Final[Mapping[str, type[ExportRequest]]] = {
    SPANS: ExportTraceServiceRequest,
    LOGS: ExportLogsServiceRequest,
    METRICS: ExportMetricsServiceRequest,
}
LEVELS: Final[Mapping[str, tuple[str, str, str]]] = {
    SPANS: ("resource_spans", "scope_spans", "spans"),
    LOGS: ("resource_logs", "scope_logs", "log_records"),
    METRICS: ("resource_metrics", "scope_metrics", "metrics"),
}
"""The three signals have one shape: resources of scopes of records, under these names."""
PATHS: Final[Mapping[str, str]] = {"/v1/traces": SPANS, "/v1/logs": LOGS, "/v1/metrics": METRICS}
_SIGNALS_HINT: Final = "traces go to /v1/traces, logs to /v1/logs, metrics to /v1/metrics"
SIGNAL_NAMES: Final[Mapping[str, str]] = {SPANS: "spans", LOGS: "logs", METRICS: "metrics"}
"""What a signal is called in metrics and retention settings, per topic."""


def encoding_of(content_type: str) -> Encoding | None:
    """The encoding that a Content-Type stands for, whatever its parameters; None when it is not OTLP."""
    return ENCODINGS.get(content_type.partition(";")[0].strip().lower())


def decode(topic: str, body: bytes, content_type: str) -> ExportRequest:
    """The request that `body` holds; raises MalformedRequestError, also for a content type that is not OTLP."""
    encoding = encoding_of(content_type)
    if encoding is None:
        raise MalformedRequestError(f"content type {content_type!r} is not OTLP", f"send {PROTOBUF_TYPE} or {JSON_TYPE}")
    if encoding == "json":
        return parse_json(topic, body)
    message = parse_lenient(topic, body)
    refuse_foreign(topic, body, message)
    return message


def parse_strict(topic: str, raw: bytes) -> ExportRequest | None:
    """The request, or None when protobuf's own parser does not take it as it is."""
    try:
        return REQUESTS[topic].FromString(raw)
    except DecodeError:
        return None


def parse_lenient(topic: str, raw: bytes) -> ExportRequest:
    """The request with invalid UTF-8 replaced by U+FFFD and deeper nesting than protobuf takes turned into JSON text.

    Raises MalformedRequestError when it is not protobuf at all.
    """
    message = parse_strict(topic, raw)
    return repair(REQUESTS[topic], raw) if message is None else message


def refuse_foreign(topic: str, raw: bytes, message: ExportRequest) -> None:
    """Bytes that hold nothing but fields nobody knows are no OTLP: a 200 for them would lose them silently.

    Raises MalformedRequestError.
    """
    if raw and not blocks(message):
        raise MalformedRequestError(f"the body has no {LEVELS[topic][0]}, only {len(raw)} bytes of unknown fields", _SIGNALS_HINT)


def parse_json(topic: str, body: bytes) -> ExportRequest:
    """The request in OTLP's JSON; raises MalformedRequestError."""
    message = REQUESTS[topic]()
    document = load_json(body)
    try:
        json_format.ParseDict(document, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        what = f"the JSON is not an {REQUESTS[topic].DESCRIPTOR.name}: {error}"
        raise MalformedRequestError(what, "opentelemetry-proto has examples of OTLP/JSON") from error
    own = LEVELS[topic][0]
    if document and not {own, _camel(own)} & document.keys():
        raise MalformedRequestError(f"the JSON has no {_camel(own)} but {', '.join(sorted(document)[:5])}", _SIGNALS_HINT)
    return message


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def blocks(message: ExportRequest) -> MutableSequence[ResourceBlock]:
    """The resource blocks of a request of any signal; the live list, so that blocks can be taken out."""
    if isinstance(message, ExportTraceServiceRequest):
        return cast(MutableSequence[ResourceBlock], message.resource_spans)
    if isinstance(message, ExportLogsServiceRequest):
        return cast(MutableSequence[ResourceBlock], message.resource_logs)
    return cast(MutableSequence[ResourceBlock], message.resource_metrics)


def count(block: ResourceBlock) -> int:
    """Spans, log records or data points of one resource block."""
    if isinstance(block, ResourceSpans):
        return sum(len(scope.spans) for scope in block.scope_spans)
    if isinstance(block, ResourceLogs):
        return sum(len(scope.log_records) for scope in block.scope_logs)
    return sum(_points(metric) for scope in block.scope_metrics for metric in scope.metrics)


def _points(metric: Message) -> int:
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 0


def resource_project(resource: Resource) -> str:
    """The project that a resource names, stripped; "" when it names none."""
    for attribute in resource.attributes:
        if attribute.key == PROJECT_HEADER:
            return attribute.value.string_value.strip()
    return ""


def success(topic: str, encoding: Encoding, rejected: int = 0, message: str = "") -> bytes:
    """Body of an `Export…ServiceResponse`; `rejected` records were left out because of `message`."""
    if not rejected:
        return b"{}" if encoding == "json" else b""
    response = _partial(topic, rejected, message)
    return _body(response, encoding)


def _partial(topic: str, rejected: int, message: str) -> Message:
    if topic == SPANS:
        spans = ExportTraceServiceResponse()
        spans.partial_success.rejected_spans, spans.partial_success.error_message = rejected, message
        return spans
    if topic == LOGS:
        logs = ExportLogsServiceResponse()
        logs.partial_success.rejected_log_records, logs.partial_success.error_message = rejected, message
        return logs
    points = ExportMetricsServiceResponse()
    points.partial_success.rejected_data_points, points.partial_success.error_message = rejected, message
    return points


def status(code: int, message: str, retry_after: float | None = None) -> Status:
    """`google.rpc.Status` with RetryInfo when a retry after `retry_after` seconds may succeed."""
    result = Status(code=code, message=message)
    if retry_after is not None:
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=Duration(nanos=int(retry_after % 1 * 1e9), seconds=int(retry_after))))
        result.details.append(detail)
    return result


def status_body(state: Status, encoding: Encoding) -> bytes:
    return _body(state, encoding)


def _body(message: Message, encoding: Encoding) -> bytes:
    if encoding == "protobuf":
        return message.SerializeToString()
    return orjson.dumps(json_format.MessageToDict(message))
