"""The kernel makes of every request what Python makes of it, or leaves it to Python; one suite holds both to that."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.load import Load
from pipeline import vocabulary
from schemas.errors import MalformedRequestError
from schemas.otlp import JSON_TYPE, decode
from schemas.topics import SPANS as TOPIC
from tests.pipeline.conversation import SPANS as CONVERSATION
from tests.pipeline.otlp_messages import CLIENT, ERROR, OK, SERVER, at, items, resource, span, span_request, trace
from tests.pipeline.test_fuzz import NAMES, WORDS, fill
from tests.pipeline.two_mappings import Both, needs_kernel, sent

pytestmark = needs_kernel
PAYLOADS = sorted((Path(__file__).parents[1] / "payloads").rglob("*.json"))
EVENT = Span.Event(time_unix_nano=at(5), name="exception", attributes=items({"exception.type": "E", "exception.message": "m"}))
LINK = Span.Link(trace_id=trace(9), span_id=b"12345678", trace_state="x=y", attributes=items({"l": 1}))
CHAT: Mapping[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "t"}


def said(*texts: str, role: str = "user") -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for text in texts])


def one(attributes: Mapping[str, Any], name: str = "x", **more: Any) -> list[Any]:
    return sent([span_request([span(1, name, (0, 10), attributes, **more)])])


def test_the_load_of_the_benchmark() -> None:
    both = Both()
    bodies = list(Load(7, at(0)).spans(600, 40))
    requests = sent([body.data for body in bodies])
    for start in range(0, len(requests), 5):
        assert both.taken(requests[start : start + 5]) == len(requests[start : start + 5])
    assert both.taken(requests) == len(requests)  # again: nothing is fresh now
    assert both.outcomes() == {"taken": 2 * len(requests), "left": 0, "failed": 0}


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.name)
def test_what_others_send(path: Path) -> None:
    try:
        request = decode(TOPIC, path.read_bytes(), JSON_TYPE)
    except MalformedRequestError:
        pytest.skip("no request of traces")
    both = Both()
    both.taken(sent([request]))
    both.taken(sent([request, span_request([span(1, "x", (0, 1), CHAT)])], "p"))


def test_a_conversation_in_any_batches() -> None:
    requests = sent([span_request([one_span], of) for of, one_span in CONVERSATION])
    order = random.Random(3)
    for size in (1, 3, len(requests)):
        both = Both()
        order.shuffle(requests)
        assert sum(both.taken(requests[start : start + size]) for start in range(0, len(requests), size)) > 0


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"n": 1, "f": 2.0, "b": True, "s": "x", "none": None, "empty": "", "bytes": b"\x00\xff", "list": [1, "a", None, [2.5]], "map": {"k": {"l": [b"x"]}}},
        {f"f{place}": number for place, number in enumerate((1e16, 1e15, 123456.789, 1e-4, 1e-5, -0.0, 5e-324, 1e300, float("nan"), float("inf"), -1.5))},
        {"l": [1e16, 1e15, 1e-4, 1e-5, 1e-7, -0.0, 5e-324, 1.7976931348623157e308, float("nan"), float("-inf"), 100.0, 1e21, 123456789012.5]},
        {"l": [2**63 - 1, -(2**63), "\x00\x1f\x7f\"\\/\b\f\n\r\t\u2028é\U0001f600"]},
        {"gen_ai.usage.input_tokens": 2**63 - 1, "gen_ai.usage.output_tokens": -1, "process.memory.usage": 1e300, "mission_control.cost_usd": "1e400"},
        {"gen_ai.usage.input_tokens": "12.9", "gen_ai.usage.output_tokens": "+7", "process.memory.usage": "007", "process.cpu.utilization": "nan"},
        {"gen_ai.usage.input_tokens": "9" * 30, "gen_ai.usage.prompt_tokens": 5, "process.memory.usage": "-inf", "process.cpu.utilization": float("inf")},
        {"gen_ai.usage.input_tokens": "1_000", "gen_ai.usage.output_tokens": " 7 ", "process.memory.usage": "٣", "process.cpu.utilization": "1e"},
        {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.prompt_tokens": 5, "gen_ai.system": "old", "gen_ai.provider.name": "", "user.id": ""},
        {"gen_ai.request.model": "a", "gen_ai.response.model": "b"},
        {"gen_ai.request.model": "a", "gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.response.finish_reasons": ["length", "stop"]},
        {"gen_ai.response.finish_reasons": "", "gen_ai.prompt.name": "p", "gen_ai.response.time_to_first_chunk": "x"},
        {"mission_control.entity.type": "agent", "session.id": "s", "thread_id": "worse", "gen_ai.conversation.id": ""},
        {"mcp.session.id": "s", "mcp.protocol.version": "2025-06-18"},
        {"mcp.session.id": "s", "mcp.protocol.version": "2026-07-28"},
        {"error.type": "asyncio.CancelledError"},
        {"gen_ai.response.status": "cancelled"},
        {"mission_control.step.status": "paused", "error.type": "x"},
        {"long": "é" * (vocabulary.HEAVY_LENGTH + 1), "short": "é" * vocabulary.HEAVY_LENGTH, "again": "é" * (vocabulary.HEAVY_LENGTH + 1)},
    ],
)  # fmt: skip
def test_attributes(attributes: Mapping[str, Any]) -> None:
    both = Both()
    for kind in (SERVER, CLIENT, 7, -1):
        for status in ({}, {"code": ERROR, "message": "said"}, {"code": OK}, {"code": ERROR}):
            both.taken(one(attributes, "tools/call search", kind=kind, status=status, events=[EVENT, Span.Event(name="e")], links=[LINK]))
            both.taken(
                one({**attributes, "mcp.method.name": "tools/call"}, "tools/call search", kind=kind, status=status, trace_state="a=b")
            )


def test_ten_thousand_attributes() -> None:
    assert Both().taken(one({f"a{number}": number for number in range(10_000)})) == 1


@pytest.mark.parametrize("role", ["user", "assistant", "system", "human", "", None, 7])
@pytest.mark.parametrize(
    "entry",
    [
        {"content": "x"}, {"content": ["x", {"type": "text", "text": "y"}, 1, None]}, {"content": None, "n": 1}, {"parts": "x"}, {"parts": None}, {},
        {"parts": [{"type": "text", "content": "é\u2028\x7f\x01"}], "finish_reason": "stop"}, {"parts": [], "content": "ignored"}, {"finish_reason": 7},
        {"parts": [{"type": "tool_call", "id": "c", "name": "n", "arguments": {"b": 1, "a": [1.0, 1e16, 1e-7, -5, 2**64, 0.1]}}]},
        {"parts": [{"type": "tool_call_response", "id": None, "response": "r"}]}, {"parts": [{"type": "tool_call", "id": 7, "name": ["x"]}]},
        {"parts": [{"type": "text", "content": 1, "text": "y"}, {"type": "text", "text": "z"}, "bare"]}, {"content": {"a": -0.0}}, {"content": 5},
        {"parts": [{"type": "text", "content": "x"}], "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}, {"tool_calls": []},
    ],
)  # fmt: skip
def test_messages(entry: Mapping[str, Any], role: Any) -> None:
    written = {**entry} if role is None else {**entry, "role": role}
    both = Both()
    for attribute, _, _ in vocabulary.MESSAGE_SOURCES:
        for value in (
            json.dumps([written, written]),
            json.dumps(written),
            json.dumps([written, {"role": "user", "content": "last"}, "bare", 5]),
        ):
            both.taken(one({**CHAT, attribute: value}))


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "plain", "NaN", "-0", "[-0]", "-0.0", "1e400", "[1e400]", '"\\ud800"', '["\\ud800", 1]', '{"a":1,"a":{"b":2},"role":"user","content":"x","content":"y"}',
        "[[[", '{"a":' * 40, '{"a":' * 200 + "1" + "}" * 200, "[" * 130 + "]" * 130, "\ufeff[1]", " [1] ", "[1],", "null", "[]", "{}", "true", '"x"', "9" * 400,
        "123456789012345678901234567890", "[1.0,100.0,1e5,1E+5,0.1e1,1.5e300]", said("x", "x", "y"), said(*map(str, range(70))), said("x" * 5_000), '[\t{"content"\n:"x"}\r]',
        '"it\'s"', "nul\0", "[\"a\x01b\"]", '["\\u0041\\n\\/"]',
    ],
)  # fmt: skip
def test_texts_that_may_be_messages(text: str) -> None:
    both = Both()
    for attribute in sorted(vocabulary.HEAVY):
        for operation in ("chat", "execute_tool"):
            both.taken(one({"gen_ai.operation.name": operation, attribute: text}))
    both.taken(one({**CHAT, **dict.fromkeys(sorted(vocabulary.HEAVY), text), "mission_control.user_input": ""}))


def test_histories_grow_slide_and_come_again_earlier() -> None:
    both = Both()
    texts = [f"m{number % 40}" for number in range(100)]
    calls = [
        span(number + 1, "chat", (start, start + 5), {**CHAT, "gen_ai.input.messages": said(*texts[max(0, number - 50) : number])})
        for number, start in enumerate(random.Random(5).sample(range(1_000), 90))
    ]
    requests = sent([span_request(calls[start : start + 7]) for start in range(0, len(calls), 7)])
    for size in (1, 4, len(requests)):
        for start in range(0, len(requests), size):
            assert both.taken(requests[start : start + size]) > 0


@pytest.mark.parametrize("times", [(0, 0), (10, 5), (5, 0), (2**63, 2**63 + 5), (2**64 - 1, 0), (0, 2**64 - 1), (2**63 + 5, 2**63)])
def test_times_that_cannot_be(times: tuple[int, int]) -> None:
    body = span(1, "chat", (0, 1), {**CHAT, "gen_ai.input.messages": said("x"), "gen_ai.output.messages": said("y", role="assistant")})
    body.start_time_unix_nano, body.end_time_unix_nano = times
    body.events.add(time_unix_nano=times[0])
    assert Both().taken(sent([span_request([body])])) == 1


@pytest.mark.parametrize("identity", [b"", b"x", b"x" * 40])
def test_ids_of_any_length(identity: bytes) -> None:
    body = span(1, "chat", (0, 1), {**CHAT, "gen_ai.input.messages": said("x")})
    body.trace_id = body.span_id = body.parent_span_id = identity
    assert Both().taken(sent([span_request([body, body])])) == 1


def test_projects_and_resources() -> None:
    both = Both()
    for named in ("", "sender"):
        for project in ("", "p", " p ", "x" * 200, "é", "\tp", None, 7):
            of = resource(
                "shop", deployment__environment="old", host__name="h", **({} if project is None else {"mission_control__project": project})
            )
            request = span_request([span(1, "x", (0, 1))], of)
            request.resource_spans.add()
            request.resource_spans.add(resource=resource("b", deployment__environment__name="new", service__version="2")).scope_spans.add()
            request.resource_spans[2].scope_spans.add(spans=[span(2, "y", (0, 1), CHAT), span(3, "z", (0, 1), in_trace=2)])
            both.taken(sent([request, ExportTraceServiceRequest(), request], named))


def field(number: int, content: bytes) -> bytes:
    """A protobuf field with a length of up to two bytes."""
    return bytes((number << 3 | 2, len(content) & 0x7F | 0x80, len(content) >> 7)) + content


@pytest.mark.parametrize(("depth", "ours"), [(5, 2), (20, 2), (50, 0), (120, 0)])
def test_nested_values(depth: int, ours: int) -> None:
    listed = mapped = b"\x18\x07"
    for _ in range(depth):
        listed, mapped = field(5, field(1, listed)), field(6, field(1, field(1, b"k") + field(2, mapped)))
    requests = [field(1, field(2, field(2, field(9, field(1, b"a") + field(2, value))))) for value in (listed, mapped)]
    assert Both().taken(sent(requests)) == ours


def test_a_request_in_pieces_is_one() -> None:
    """Protobuf reads bytes one after the other as one message; where that means merging values, the kernel leaves it."""
    request = span_request([span(1, "x", (0, 1), {"a": 1})]).SerializeToString()
    both = Both()
    assert both.taken(sent([request * 2])) == 1
    assert both.taken(sent([field(1, field(1, b"") * 2), field(1, field(2, field(2, field(15, b"") * 2)))])) == 0


def test_names_given_twice() -> None:
    body = span(1, "x", (0, 1), {"a": 1, "b": {"k": 1}})
    for attributes in (
        {"a": 2, "gen_ai.usage.input_tokens": 5},
        {"gen_ai.usage.input_tokens": 7, "a": ""},
        {str(number): 1 for number in range(40)},
    ):
        body.attributes.extend(items(attributes))
    body.attributes[1].value.kvlist_value.values.extend(items({"l": 1, "k": [2]}))
    assert Both().taken([*one({})[:0], *sent([span_request([body])])]) == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"", b"\x00", b"\x0a\x03abc", b"\x0a\x80", b"\xff" * 20, b"\x08\x01", b"\x0a\x00", b"\x0b\x0c",
    ],
)  # fmt: skip
def test_what_is_no_request(request_: Any) -> None:
    both = Both()
    ours = span_request([span(1, "chat", (0, 1), {**CHAT, "gen_ai.input.messages": said("x")})])
    both.taken(sent([request_]))
    assert both.taken(sent([request_, ours, request_, ours], "p")) >= 2
    assert both.outcomes()["failed"] == 0


def test_what_the_kernel_leaves_is_mapped_after_what_it_takes() -> None:
    both = Both()
    ours = span_request([span(1, "chat", (0, 1), {**CHAT, "gen_ai.input.messages": said("x")})])
    theirs = span_request([span(2, "x", (0, 1), {**CHAT, "gen_ai.input.messages": said("x", "y"), "gen_ai.usage.input_tokens": "1_000"})])
    assert both.taken(sent([theirs, ours, theirs])) == 1
    assert both.outcomes() == {"taken": 1, "left": 2, "failed": 0}


VALUES = (
    st.sampled_from(WORDS)
    | st.text(max_size=8)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.booleans()
    | st.binary(max_size=4)
    | st.none()
    | st.recursive(st.integers(-9, 9) | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3))
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(("role", "parts", "content", "type", "id", "name", "text", "finish_reason")) | st.text(max_size=2), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), VALUES, max_size=12)
MESSAGES = st.dictionaries(st.sampled_from(sorted(vocabulary.HEAVY)), JSON.map(json.dumps), max_size=4)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
@given(many=st.lists(st.tuples(ATTRIBUTES, MESSAGES, st.sampled_from(WORDS), st.integers(-1, 6)), max_size=4))
def test_spans_of_all_kinds(many: list[tuple[dict[str, Any], dict[str, str], str, int]]) -> None:
    spans = [
        span(number + 1, name, (number, number + 5), {**attributes, **messages}, kind=kind, events=[EVENT] if number % 2 else [])
        for number, (attributes, messages, name, kind) in enumerate(many)
    ]
    both = Both()
    for one_span in spans:
        both.taken(sent([span_request([one_span])]))
    both.taken(sent([span_request(spans), span_request(spans[:1])]))
    assert both.outcomes()["failed"] == 0


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_whatever_protobuf_can_say_of_traces(data: st.DataObject) -> None:
    request = ExportTraceServiceRequest()
    fill(data.draw, request, 7)
    raw = bytearray(request.SerializeToString())
    both = Both()
    both.taken(sent([bytes(raw)]))
    for place in data.draw(st.lists(st.integers(0, max(0, len(raw) - 1)), max_size=3)):
        if raw:
            raw[place] = data.draw(st.integers(0, 255))
    both.taken(sent([bytes(raw)]))
