"""OTLP as it is specified, and as emitters really send it."""

import base64
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from schemas import otlp
from schemas.errors import MalformedRequestError
from schemas.otlp import JSON_TYPE, PROTOBUF_TYPE
from schemas.topics import LOGS, METRICS, SIGNALS, SPANS

PAYLOADS = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", Path(__file__).parents[3] / "shared" / "payloads"))
TOPICS = {"resourceSpans": SPANS, "resourceLogs": LOGS, "resourceMetrics": METRICS}


def payloads() -> Iterator[Any]:
    for path in sorted(PAYLOADS.glob("**/*.json")):
        document = json.loads(path.read_bytes())
        for key, topic in TOPICS.items():
            if isinstance(document, dict) and key in document:
                yield pytest.param(topic, path, id=str(path.relative_to(PAYLOADS)))


def spans_of(message: Message) -> Any:
    assert isinstance(message, ExportTraceServiceRequest)
    return message.resource_spans[0].scope_spans[0].spans


def span_json(**fields: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


def parse_span(**fields: Any) -> Any:
    return spans_of(otlp.parse_json(SPANS, span_json(**fields)))[0]


def value_json(value: Any) -> Any:
    return parse_span(attributes=[{"key": "k", "value": value}]).attributes[0].value


def field(number: int, content: bytes) -> bytes:
    """One length-delimited field, written by hand."""
    size, length = len(content), b""
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def raw_span(attribute_value: bytes) -> bytes:
    attribute = field(9, field(1, b"k") + field(2, attribute_value))
    return field(1, field(2, field(2, field(5, b"name") + attribute)))


def nested_raw(depth: int) -> bytes:
    value = b"\x18\x07"
    for _ in range(depth):
        value = field(6, field(1, field(1, b"in") + field(2, value)))
    return raw_span(value)


def nested_json(depth: int) -> Any:
    value: Any = {"intValue": 7}
    for _ in range(depth):
        value = {"kvlistValue": {"values": [{"key": "in", "value": value}]}}
    return value


def unfold(value: AnyValue) -> tuple[int, Any]:
    """(depth of what stayed structured, plain value of the rest)."""
    depth = 0
    while value.WhichOneof("value") == "kvlist_value":
        value, depth = value.kvlist_value.values[0].value, depth + 1
    return depth, json.loads(value.string_value) if value.HasField("string_value") else value.int_value


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not here")
@pytest.mark.parametrize(("topic", "path"), list(payloads()))
def test_recorded_payloads_decode_and_survive_protobuf(topic: str, path: Path) -> None:
    message = otlp.decode(topic, path.read_bytes(), "application/json; charset=utf-8")
    assert sum(map(otlp.count, otlp.blocks(message))) > 0
    assert otlp.decode(topic, message.SerializeToString(), PROTOBUF_TYPE) == message


def test_both_spellings_of_names() -> None:
    snake = (
        b'{"resource_spans": [{"scope_spans": [{"spans": [{"trace_id": "00ff", "parent_span_id": "01", "start_time_unix_nano": "5"}]}]}]}'
    )
    assert otlp.parse_json(SPANS, snake) == otlp.parse_json(SPANS, span_json(traceId="00FF", parentSpanId="01", startTimeUnixNano=5))


@pytest.mark.parametrize(
    "written",
    [
        "0102030405060708090a0b0c0d0e0f10",
        "0102030405060708090A0B0C0D0E0F10",
        "01020304-0506-0708-090a-0b0c0d0e0f10",
        base64.b64encode(bytes(range(1, 17))).decode(),
        {"type": "Buffer", "data": list(range(1, 17))},
    ],
)
def test_ids_in_all_the_ways_they_are_written(written: Any) -> None:
    assert parse_span(traceId=written, links=[{"traceId": written}]).trace_id == bytes(range(1, 17))
    assert parse_span(links=[{"traceId": written}]).links[0].trace_id == bytes(range(1, 17))


@pytest.mark.parametrize("written", [None, "", " "])
def test_missing_ids_are_empty(written: Any) -> None:
    assert parse_span(traceId=written, name="x").trace_id == b""


@pytest.mark.parametrize("written", ["xyz", "abc", "AQID", 5, {"data": ["x"]}, {"data": [300]}, {"a": 1}, ["00"]])
def test_ids_that_are_none_are_named(written: Any) -> None:
    with pytest.raises(MalformedRequestError, match=r"spanId .* is not hex; send 8 bytes as 16 hex digits"):
        parse_span(spanId=written)


def test_ids_in_exemplars() -> None:
    point = {"asDouble": 1, "exemplars": [{"traceId": "0a", "spanId": "0b", "asInt": "3"}]}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [point]}}]}]}]}
    message = otlp.parse_json(METRICS, json.dumps(body).encode())
    assert isinstance(message, ExportMetricsServiceRequest)
    exemplar = message.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].exemplars[0]
    assert (exemplar.trace_id, exemplar.span_id, exemplar.as_int) == (b"\x0a", b"\x0b", 3)


@pytest.mark.parametrize(
    ("written", "kind", "read"),
    [
        ({"intValue": 5}, "int_value", 5),
        ({"intValue": "-5"}, "int_value", -5),
        ({"int_value": 5.0}, "int_value", 5),
        ({"intValue": 5.5}, "double_value", 5.5),
        ({"intValue": "9223372036854775808"}, "string_value", "9223372036854775808"),
        ({"intValue": 9223372036854775808}, "string_value", "9223372036854775808"),
        ({"intValue": 10**30}, "double_value", 1e30),
        ({"doubleValue": 5}, "double_value", 5.0),
        ({"doubleValue": "Infinity"}, "double_value", float("inf")),
        ({"doubleValue": float("inf")}, "double_value", float("inf")),
        ({"doubleValue": float("-inf")}, "double_value", float("-inf")),
        ({"boolValue": False}, "bool_value", False),
        ({"bytesValue": "AQI="}, "bytes_value", b"\x01\x02"),
        ({"stringValue": ""}, "string_value", ""),
        ({"stringValue": "x", "newValue": [1]}, "string_value", "x"),
        ({"intValue": None}, None, None),
        (None, None, None),
        ({}, None, None),
    ],
)
def test_values(written: Any, kind: str | None, read: Any) -> None:
    value = value_json(written)
    assert value.WhichOneof("value") == kind
    assert kind is None or getattr(value, kind) == read


def test_nan_is_a_number() -> None:
    assert str(value_json({"doubleValue": float("nan")}).double_value) == "nan"


@pytest.mark.parametrize(
    "written", [{"intValue": "many"}, {"boolValue": "yes"}, {"stringValue": 5}, {"intValue": True}, {"kvlistValue": 5}, 5]
)
def test_values_of_the_wrong_type_are_malformed(written: Any) -> None:
    with pytest.raises(MalformedRequestError, match=r"the JSON is not an ExportTraceServiceRequest: .*"):
        value_json(written)


@pytest.mark.parametrize("written", [3, "SPAN_KIND_CLIENT", "3"])
def test_enums_by_number_and_name(written: Any) -> None:
    assert parse_span(kind=written).kind == 3


def test_what_nobody_knows_and_nulls_are_ignored() -> None:
    span = parse_span(
        name="x", status=None, attributes=[None, {"key": "k", "value": {"stringValue": "v"}}], newField={"a": [1]}, events=None
    )
    assert (span.name, len(span.attributes), len(span.events)) == ("x", 1, 0)


def test_lone_surrogates_become_replacement_characters() -> None:
    body = span_json(name="?").replace(b"?", b"cut \\ud83d")
    assert spans_of(otlp.parse_json(SPANS, body))[0].name == "cut \N{REPLACEMENT CHARACTER}"


def test_whole_emoji_survive_beside_lone_surrogates() -> None:
    body = span_json(name="?").replace(b"?", b"\\ud83d\\ude00 \\ud83d")
    assert spans_of(otlp.parse_json(SPANS, body))[0].name == "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("change", [(b"name", b"\xef\xbb\xbf"), (b"?", b"\xff")])
def test_json_that_is_not_quite_utf8(change: tuple[bytes, bytes]) -> None:
    body = span_json(name="?")
    body = change[1] + body if change[0] == b"name" else body.replace(*change)
    assert spans_of(otlp.parse_json(SPANS, body))[0].name in ("?", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "an empty request is {}"),
        (b"{", "it may be cut off"),
        (b"\n\x05abcde", "application/x-protobuf"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'{"resourceLogs": []}', "traces go to /v1/traces"),
        (b"[" * 1100, "nested too deeply"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "nested too deeply"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "nested too deeply"),
    ],
    ids=range(9),
)
def test_what_is_not_otlp_json_is_malformed(body: bytes, said: str) -> None:
    with pytest.raises(MalformedRequestError, match=re.escape(said)):
        otlp.parse_json(SPANS, body)


@pytest.mark.parametrize("topic", SIGNALS)
def test_empty_requests(topic: str) -> None:
    assert not otlp.blocks(otlp.decode(topic, b"{}", JSON_TYPE))
    assert not otlp.blocks(otlp.decode(topic, b"", PROTOBUF_TYPE))


@pytest.mark.parametrize(("depth", "structured"), [(1, 1), (24, 24), (25, 24), (50, 24), (100, 24)])
def test_deep_values_fold_into_json_text(depth: int, structured: int) -> None:
    rest: Any = 7
    for _ in range(depth - structured):
        rest = {"in": rest}
    from_json = value_json(nested_json(depth))
    assert unfold(from_json) == (structured, rest)
    if depth > 31:
        assert otlp.parse_strict(SPANS, nested_raw(depth)) is None
        assert unfold(spans_of(otlp.parse_lenient(SPANS, nested_raw(depth)))[0].attributes[0].value) == (structured, rest)


def test_deep_arrays_fold_into_json_text() -> None:
    written: Any = {"arrayValue": {"values": [{"stringValue": "é"}, {"boolValue": True}, {}, {"bytesValue": "AQ=="}]}}
    raw = field(5, field(1, field(1, "é".encode())) + field(1, b"\x10\x01") + field(1, b"") + field(1, field(7, b"\x01\xff")))
    for _ in range(60):
        written, raw = {"arrayValue": {"values": [written]}}, field(5, field(1, raw))
    for value in (value_json(written), spans_of(otlp.parse_lenient(SPANS, raw_span(raw)))[0].attributes[0].value):
        while value.HasField("array_value"):
            value = value.array_value.values[0]
        assert value.string_value.count("[") == 61 - 24
        assert '["é", true, null, "' in value.string_value


def test_values_nested_beyond_reason_are_malformed() -> None:
    with pytest.raises(MalformedRequestError, match="nested too deeply"):
        otlp.parse_lenient(SPANS, nested_raw(200))


def test_invalid_utf8_is_repaired_everywhere() -> None:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.schema_url = "BAD"
    resource.resource.entity_refs.add(type="BAD").id_keys.extend(["BAD", "fine"])
    span = resource.scope_spans.add().spans.add(name="BAD name", trace_id=b"\xff" * 16, kind=3)
    span.attributes.add(key="BAD key").value.string_value = "BAD value"
    span.attributes.add(key="list").value.array_value.values.add().string_value = "BAD item"
    span.attributes.add(key="map").value.kvlist_value.values.add(key="BAD").value.bytes_value = b"\xfe\xff"
    span.attributes.add(key="number").value.int_value = -7
    raw = request.SerializeToString()
    assert otlp.parse_strict(SPANS, raw.replace(b"BAD", b"\xff\xfe\xfd")) is None
    repaired = otlp.parse_lenient(SPANS, raw.replace(b"BAD", b"\xff\xfe\xfd"))
    assert repaired == otlp.parse_strict(SPANS, _with_replacements(request))


def _with_replacements(request: Message) -> bytes:
    text = request.SerializeToString()
    clean = type(request)()
    clean.ParseFromString(text)
    _replace(clean)
    return clean.SerializeToString()


def _replace(message: Any) -> None:
    for descriptor, value in message.ListFields():
        if descriptor.type == descriptor.TYPE_MESSAGE:
            for inner in value if descriptor.is_repeated else (value,):
                _replace(inner)
        elif descriptor.type == descriptor.TYPE_STRING:
            if descriptor.is_repeated:
                value[:] = [item.replace("BAD", "\N{REPLACEMENT CHARACTER}" * 3) for item in value]
            else:
                setattr(message, descriptor.name, value.replace("BAD", "\N{REPLACEMENT CHARACTER}" * 3))


@pytest.mark.parametrize("topic", SIGNALS)
def test_repair_knows_every_signal(topic: str) -> None:
    requests: dict[str, Any] = {
        SPANS: ExportTraceServiceRequest(),
        LOGS: ExportLogsServiceRequest(),
        METRICS: ExportMetricsServiceRequest(),
    }
    request = requests[topic]
    otlp.blocks(request).add(schema_url="BAD")  # type: ignore[attr-defined]  # protobuf's lists can add
    raw = request.SerializeToString().replace(b"BAD", b"\xc3\x28\xa0")
    assert otlp.blocks(otlp.parse_lenient(topic, raw))[0].schema_url == "\N{REPLACEMENT CHARACTER}(\N{REPLACEMENT CHARACTER}"


def test_unknown_fields_survive_a_repair() -> None:
    raw = field(1, field(2, field(2, field(5, b"\xff")) + field(14, b"new")))
    message = otlp.parse_lenient(SPANS, raw)
    assert spans_of(message)[0].name == "\N{REPLACEMENT CHARACTER}"
    assert field(14, b"new") in message.SerializeToString()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\xff\xff", "it may be cut off"),
        (field(1, b"x" * 40)[:20], "it may be cut off"),
        (b'{"resourceSpans": []}', "application/json"),
        (b"\x1f\x8b\x08\x00", "Content-Encoding"),
        (b"\x28\xb5\x2f\xfd\x00", "Content-Encoding"),
        (b"\x18\x01", "only 2 bytes of unknown fields"),
    ],
)
def test_what_is_not_protobuf_is_malformed(raw: bytes, said: str) -> None:
    with pytest.raises(MalformedRequestError, match=re.escape(said)):
        otlp.decode(SPANS, raw, PROTOBUF_TYPE)


def test_random_bytes_are_malformed_or_empty() -> None:
    source = random.Random(11)
    for _ in range(2000):
        raw = source.randbytes(source.randrange(1, 60))
        for content_type in (PROTOBUF_TYPE, JSON_TYPE):
            try:
                message = otlp.decode(source.choice(SIGNALS), raw, content_type)
            except MalformedRequestError:
                continue
            assert isinstance(message, Message)


def test_other_content_types_are_malformed() -> None:
    with pytest.raises(MalformedRequestError, match="text/plain"):
        otlp.decode(SPANS, b"", "text/plain")
