"""Recordings that are no OTLP requests, as the requests their emitter would send: a span as a map, examples of a specification."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

START: Final = 1_790_000_000_000_000_000
SECOND: Final = 1_000_000_000
STATUSES: Final = {"OK": 1, "ERROR": 2}


def as_otlp(name: str, document: Any) -> Any:
    """`document` itself where nothing has to be done."""
    return _MAPS[name](document) if name in _MAPS else document


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}


def _attributes(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in said.items() if value is not None]


def _request(scope: str, spans: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": scope}, "spans": spans}]}]}


def _span(number: int, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """In a trace of its own, whose id is `number`; a second long."""
    start = START + number * 60 * SECOND
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + SECOND),
        "attributes": _attributes(attributes),
    }


def _codex(document: Any) -> Any:
    return _request(document["scopeName"], [_span(1, document["spanName"], document["attributes"])])


def _semantic_conventions(document: Any) -> Any:
    """Each example in a call of its own: the answer where it has a finish reason, instructions and tools where it has no role."""
    return _request("example", [_span(number, "chat", _call(said["example"])) for number, said in enumerate(document, 1)])


def _call(example: list[dict[str, Any]]) -> dict[str, Any]:
    if "role" in example[0]:
        attribute = "gen_ai.output.messages" if "finish_reason" in example[0] else "gen_ai.input.messages"
    else:
        attribute = "gen_ai.tool.definitions" if example[0]["type"] == "function" else "gen_ai.system_instructions"
    return {"gen_ai.operation.name": "chat", attribute: json.dumps(example)}


def _openinference(document: Any) -> Any:
    """Each example in a trace of its own; what is only a piece of a span is the only thing that span says."""
    return _request("openinference.example", [_example(number, said["example"]) for number, said in enumerate(document, 1)])


def _example(number: int, said: Mapping[str, Any]) -> dict[str, Any]:
    is_span = "attributes" in said or "events" in said
    attributes = dict(_indexed(said.get("attributes", {}) if is_span else said))
    span = _span(number, said.get("name", "example") if is_span else "example", attributes)
    if "start_time" in said:
        span |= {f"{which}TimeUnixNano": str(_nanoseconds(said[f"{which}_time"])) for which in ("start", "end")}
    if status := STATUSES.get(said.get("status_code", "")):
        span["status"] = {"code": status}
    span["links"] = [{"traceId": link["trace_id"], "spanId": link["span_id"]} for link in said.get("links", [])]
    span["events"] = [{"name": event["name"], "attributes": _attributes(event["attributes"])} for event in said.get("events", [])]
    return span


def _nanoseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1_000_000) * 1000


def _indexed(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Lists of objects under numbered names, as the specification has them sent."""
    for key, value in said.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for index, item in enumerate(value):
                yield from ((f"{key}.{index}.{inner}", inside) for inner, inside in _indexed(item))
        else:
            yield key, value


_MAPS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "codex/session-task-turn": _codex,
    "otel-genai/semconv-v1.41-examples": _semantic_conventions,
    "openinference/spec-examples": _openinference,
}
