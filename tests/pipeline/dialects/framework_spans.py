"""Spans of agent frameworks as rows, without an engine: whole requests, hand-made or recorded, and the messages in them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.context import Envelope, origin
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.seen import SeenCache
from pipeline.spans import SpanRows, add_request
from schemas.otlp import JSON_TYPE, decode
from schemas.topics import SPANS

PAYLOADS: Final = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", Path(__file__).parents[4] / "shared" / "payloads"))
_AROUND: Final = Envelope(SPANS, 0, 1, 1_760_000_500_000_000_000, "", "", 100)
TEXTS: Final = ("gen_ai.input.messages", "gen_ai.output.messages")
HOSTILE: Final = (
    "", "0", "-1", "null", "[]", "{}", "[null]", '{"a"', '[1, true, null, 2.5]', '[["user"]]', '{"messages": {"role": []}}', "[" * 2_000,
    "[" * 500 + "]" * 500, '{"messages":' * 500 + "1" + "}" * 500, '{"lc":1,"kwargs":' * 400 + "1" + "}" * 400, "9" * 5_000, "nan", "\x00",
    '[{"role": 5, "content": {"type": []}}]', '[{"role": "user", "content": [{"type": "text", "text": 5}, 7, [[]]], "tool_calls": [1, {"id": []}]}]',
    '[{"role": "assistant", "content": [{"type": "tool_use", "id": {}}], "function_call": {"name": []}}]', '{"type": "x", "data": {"content": 1}}',
    '{"input_str": "{" , "inputs": 5}', '{"input_str": "{{{"}', '{"input_str": "{1: {2}}"}', '{"id": [[]], "lc": 1, "kwargs": {"content": ""}}',
    '{"thread_id": [], "user_id": 5, "tool_call_id": {}}', '{"message": {"message": {"message": 1}}}', '{"cache_read": "x", "reasoning": []}',
)  # fmt: skip
"""What no well-meaning sender writes."""


class Mapped:
    """Rows of `spans` in the order they were sent, and the messages of each: {span id: [(direction, role, text or tool)]}."""

    def __init__(self, request: ExportTraceServiceRequest) -> None:
        rows = SpanRows(SeenCache())
        add_request(rows, request, _AROUND, origin, lambda project, signal: 30)
        tables = rows.mapped(()).tables
        self.spans: list[dict[str, Any]] = tables["spans"].to_pylist(maps_as_pydicts="lossy")
        self.messages: dict[str, list[tuple[str, str, str]]] = {}
        if "message_rows" in tables:
            bodies = {row["hash"]: json.loads(row["body"]) for row in tables["message_bodies"].to_pylist() if row["kind"] == "item"}
            for row in tables["message_rows"].to_pylist():
                words = " ".join(map(_words, bodies[row["content_hash"]]["parts"]))
                self.messages.setdefault(row["step_id"], []).append((row["direction"], row["role"], words))

    def columns(self, *names: str) -> list[tuple[Any, ...]]:
        """Of every span; `SpanName` first."""
        return [(span["SpanName"], *(span[name] for name in names)) for span in self.spans]


def _words(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if kind == "tool_call":
        return f"{part['name']}({json.dumps(part['arguments'])})"
    if kind == "tool_call_response":
        return f"{part.get('id')}: {part['response']}"
    return str(part.get("uri") or part.get("content"))


def recorded(path: str) -> Mapped:
    """A recorded OTLP/JSON request."""
    request = decode(SPANS, (PAYLOADS / path).read_bytes(), JSON_TYPE)
    assert isinstance(request, ExportTraceServiceRequest)
    return Mapped(request)


def added(dialect: Dialect, attributes: Mapping[str, str], name: str = "span") -> dict[str, Any]:
    """What the dialect adds to a span with these attributes; messages as data."""
    found = dict(attributes)
    dialect.translate(SpanFacts(dialect.scopes[0], name, "Internal", found))
    assert {key: found[key] for key in attributes} == dict(attributes), "what the sender said is untouched"
    return {key: json.loads(value) if key in TEXTS else value for key, value in found.items() if key not in attributes}


def text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}
