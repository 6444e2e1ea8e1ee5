"""Spans of coding agents as rows: what the mapping makes of them, without an engine. And where recorded payloads are."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.context import Envelope, origin
from pipeline.dialects.same_call import COVER
from pipeline.seen import SeenCache
from pipeline.spans import SpanRows, add_request
from schemas.otlp import JSON_TYPE, decode
from schemas.topics import SPANS
from tests.pipeline.otlp_messages import SCOPE, resource, span, span_request

PAYLOADS: Final = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", Path(__file__).parents[4] / "shared" / "payloads"))
AROUND: Final = Envelope(SPANS, 0, 1, 1_760_000_500_000_000_000, "", "", 100)


class Row(dict[str, Any]):
    """A row of `spans` with the `messages` of the request: (direction, role, text of the first part)."""

    def only(self, *columns: str) -> tuple[Any, ...]:
        return tuple(self[column] for column in columns)


def row_of(request: ExportTraceServiceRequest) -> Row:
    """Of the only span in it."""
    rows = SpanRows(SeenCache())
    add_request(rows, request, AROUND, origin, lambda project, signal: 30)
    tables = rows.mapped(()).tables
    (row,) = [row for row in tables["spans"].to_pylist(maps_as_pydicts="lossy") if row["type"] != COVER]
    return Row(row, messages=_messages(tables))


def _messages(tables: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    if "message_rows" not in tables:
        return []
    bodies = {row["hash"]: row["body"] for row in tables["message_bodies"].to_pylist()}
    said = tables["message_rows"].to_pylist()
    first = {row["content_hash"]: orjson.loads(bodies[row["content_hash"]])["parts"][0] for row in said}
    return [(row["direction"], row["role"], _text(first[row["content_hash"]])) for row in said]


def _text(part: Any) -> Any:
    return part.get("content") if isinstance(part, dict) else part


def one(scope: str, name: str, attributes: Mapping[str, Any], **more: Any) -> Row:
    """A span put together by hand, said under this scope."""
    request = span_request([span(1, name, (0, 5), attributes, **more)], resource("agent"))
    request.resource_spans[0].scope_spans[0].scope.name = scope or SCOPE.name
    return row_of(request)


def recorded(path: str) -> Row:
    """A recorded OTLP/JSON request."""
    request = decode(SPANS, (PAYLOADS / path).read_bytes(), JSON_TYPE)
    assert isinstance(request, ExportTraceServiceRequest)
    return row_of(request)
