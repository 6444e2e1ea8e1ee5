"""Spans of SDKs as rows: recorded requests and hand-made spans through `SpanRows`, without any store."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.context import Envelope, MessageIdentity, origin
from pipeline.spans import SpanRows, add_request
from schemas.otlp import JSON_TYPE, decode
from schemas.topics import SPANS
from tests.pipeline.otlp_messages import span

PAYLOADS: Final = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", Path(__file__).parents[4] / "shared" / "payloads"))
AROUND: Final = Envelope(SPANS, 0, 0, 1, "test", "p", 0)
HOSTILE: Final = (
    "",
    "null",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[1]",
    '"x"',
    "7",
    "-1",
    "1e999",
    "{",
    "{" * 2000,
    "[" * 500 + "]" * 500,
    "\x00",
    "x" * 20_000,
)
"""What may stand in any attribute."""
NESTED: Final = '{"a":' * 300 + "1" + "}" * 300
"""JSON that is read and cannot be written."""

Row = dict[str, Any]


class NothingSeen:
    def has_body(self, project: str, key: bytes) -> bool:
        return False

    def has_message(self, identity: MessageIdentity, at: int) -> bool:
        return False


class Rows:
    """`spans` by name, `messages` as (role, text) in the order of their columns."""

    def __init__(self, request: ExportTraceServiceRequest) -> None:
        rows = SpanRows(NothingSeen())
        tables = rows.mapped(add_request(rows, request, AROUND, origin, lambda project, signal: 7)).tables
        self.all: list[Row] = tables["spans"].to_pylist()
        bodies = {row["hash"]: row["body"] for row in (tables["message_bodies"].to_pylist() if "message_bodies" in tables else ())}
        self._messages: list[Row] = tables["message_rows"].to_pylist() if "message_rows" in tables else []
        self._parts = {key: orjson.loads(body)["parts"] for key, body in bodies.items() if body.startswith(b'{"parts"')}

    def named(self, name: str, place: int = 0) -> Row:
        return [row for row in self.all if row["SpanName"] == name][place]

    def columns(self, names: str) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in names.split()) for row in self.all]

    def messages(self, direction: str = "") -> list[tuple[str, str]]:
        """(role, what it says) of each message that the store would keep; `direction` of its first telling."""
        kept = {(row["thread_id"], row["role"], row["content_hash"], row["occurrence"]): row for row in reversed(self._messages)}
        wanted = [row for row in reversed(kept.values()) if direction in ("", row["direction"])]
        return [(row["role"], " ".join(map(spoken, self._parts[row["content_hash"]]))) for row in wanted]

    def hashes(self) -> set[bytes]:
        """By which the store tells messages apart."""
        return {row["content_hash"] for row in self._messages}


def spoken(part: Any) -> str:
    """A part as one text: calls as name(arguments), results as =result."""
    if part["type"] == "tool_call":
        return f"{part['name']}({orjson.dumps(part['arguments']).decode()})"
    if part["type"] == "tool_call_response":
        return f"={orjson.dumps(part.get('response', part.get('result'))).decode()}"
    return str(part["content"]) if part["type"] == "text" else f"<{part['type']}>"


def recorded(path: str) -> Rows:
    """The spans of a recorded request; skips where the recordings are not."""
    file = PAYLOADS / path
    if not file.is_file():
        pytest.skip("the recorded payloads are not here")
    request = decode(SPANS, file.read_bytes(), JSON_TYPE)
    assert isinstance(request, ExportTraceServiceRequest)
    return Rows(request)


def rows_of(scope: str, spans: Iterable[Span]) -> Rows:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add(scope=InstrumentationScope(name=scope), spans=spans)
    return Rows(request)


def one(scope: str, name: str, attributes: Mapping[str, Any]) -> Rows:
    return rows_of(scope, [span(1, name, (0, 10), attributes)])


def attributes_of(scope: str, name: str, attributes: Mapping[str, Any]) -> dict[str, str]:
    """All attributes of the stored span, those of ours too."""
    return dict(one(scope, name, attributes).all[0]["SpanAttributes"])


def survives(scope: str, names: Iterable[str], attributes: Iterable[str]) -> None:
    """Nothing that stands in an attribute stops a span, or changes what the sender said."""
    for name in names:
        for value in (*HOSTILE, NESTED, 7, -1.5, True, ["a"], {"a": "b"}, b"\xff", None):
            stored = one(scope, name, dict.fromkeys(attributes, value))
            assert stored.all[0]["SpanName"] == name
