"""What hostile or broken senders put into attributes never breaks a batch: the record is stored or set aside, its neighbours are stored."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from pipeline import vocabulary
from pipeline.dialects.log_events import SPEECHES
from pipeline.dialects.registry import DIALECTS
from schemas.otlp import parse_lenient
from schemas.store import ClickHouseStore
from schemas.topics import LOGS, SPANS
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import BASE, log, log_request, resource, span, span_request

SCOPES: Final = sorted({scope for dialect in DIALECTS for scope in dialect.scopes} | {"mine", ""})
NAMES: Final = sorted(
    {
        *vocabulary.SOURCES, *vocabulary.THREAD_SOURCES, *vocabulary.HEAVY, *(marker for dialect in DIALECTS for marker in dialect.markers),
        *(source for dialect in DIALECTS for names in dialect.names.values() for source in names),
        *(attribute for dialect in DIALECTS for attribute in dialect.operations), *(beginning for dialect in DIALECTS for beginning in dialect.histories),
        *(source for speech in SPEECHES for names in speech.names.values() for source in names),
        "input.value", "output.value", "metadata", "llm.input_messages.0.message.role", "llm.input_messages.99999999999.message.content",
        "gen_ai.prompt.0.content", "gen_ai.prompt.-1.content", "ai.prompt", "ai.prompt.messages", "gcp.vertex.agent.llm_request", "decision",
        "gcp.vertex.agent.llm_response", "langfuse.observation.usage_details", "pydantic_ai.all_messages", "logfire.pending_parent_id", "events",
        "permission.inheritance", "event.name", "duration_ms", "prompt", "llm.invocation_parameters", "gen_ai.response.finish_reasons",
    }
)  # fmt: skip
EVENTS: Final = (
    "", "permission.check", "session.start", "claude_code.api_request", "claude_code.tool_decision", "codex.sse_event", "gemini_cli.tool_call",
    "gen_ai.client.inference.operation.details", "gen_ai.choice", "gen_ai.user.message", "gen_ai.evaluation.result", "mission_control.step.start",
)  # fmt: skip
TEXTS: Final = (
    "", "x" * 1_000_000, "nul\0inside", "\ufffd", "NaN", "-1", "9" * 400, "1e999", "[" * 50 + "]" * 50, '{"a":' * 50 + "1" + "}" * 50, "[" * 100_000,
    '[{"role":"user","content":"x"}]', '[{"role":{},"parts":[{"type":7}]}]', '{"messages":[null,1,[]]}', "[null]", "{}", "true", '{"input":-5}', "\U0010ffff",
)  # fmt: skip
YEARS: Final = 365 * 86_400 * 1_000_000_000


def deep(levels: int) -> AnyValue:
    """A list in a map in a list, …"""
    value = AnyValue(string_value="deepest")
    for level in range(levels):
        around = AnyValue()
        if level % 2:
            around.array_value.values.add().CopyFrom(value)
        else:
            around.kvlist_value.values.add(key="k").value.CopyFrom(value)
        value = around
    return value


MAKE: Final[Mapping[str, Callable[[Any], AnyValue]]] = {
    "text": lambda place: AnyValue(string_value=TEXTS[place]),
    "integer": lambda number: AnyValue(int_value=number),
    "double": lambda number: AnyValue(double_value=number),
    "truth": lambda yes: AnyValue(bool_value=yes),
    "bytes": lambda raw: AnyValue(bytes_value=raw),
    "deep": deep,
    "nothing": lambda _: AnyValue(),
}
Recipe = tuple[str, Any]
"""Kind of value and what it is made of: short to print, however long the value."""
VALUES: Final[st.SearchStrategy[Recipe]] = st.one_of(
    st.tuples(st.just("text"), st.integers(0, len(TEXTS) - 1)),
    st.tuples(st.just("integer"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("double"), st.floats()),
    st.tuples(st.just("truth"), st.booleans()),
    st.tuples(st.just("bytes"), st.binary(max_size=40)),
    st.tuples(st.just("deep"), st.sampled_from((1, 5, 15))),
    st.tuples(st.just("nothing"), st.just(0)),
)
SKEWS: Final = st.sampled_from((0, 0, 0, -30 * YEARS, 30 * YEARS, 3 * YEARS, -BASE + 1))


def put(record: Any, said: Mapping[str, Recipe]) -> None:
    for name, (kind, of) in said.items():
        record.attributes.add(key=name).value.CopyFrom(MAKE[kind](of))


def stored(line: Line, topic: str, request: Any, neighbours: int) -> None:
    """The neighbours are there, and of the hostile record either a row or a dead letter with a reason."""
    results = line.write(topic, parse_lenient(topic, request.SerializeToString()))
    letters = [letter for mapped in results for letter in mapped.dead_letters]
    assert all(letter.reason for letter in letters)
    line.summarise()
    rows = line.count_rows("otel_traces" if topic == SPANS else "otel_logs")
    assert rows + len(letters) == neighbours + 1
    names = set(line.values("otel_traces", "SpanName") if topic == SPANS else line.values("otel_logs", "Body"))
    assert {"before", "after"} <= names


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(scope=st.sampled_from(SCOPES), said=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), skew=SKEWS, end=SKEWS)
def test_spans(store: ClickHouseStore, scope: str, said: Mapping[str, Recipe], skew: int, end: int) -> None:
    hostile = span(2, "hostile", (0, 5))
    put(hostile, said)
    hostile.start_time_unix_nano = max(0, hostile.start_time_unix_nano + skew)
    hostile.end_time_unix_nano = max(0, hostile.end_time_unix_nano + end)
    put(hostile.events.add(name="exception"), said)
    request = span_request([span(1, "before", (0, 9)), hostile, span(3, "after", (1, 2), parent=1)], resource("agent"))
    request.resource_spans[0].scope_spans[0].scope.name = scope
    stored(Line(store), SPANS, request, 2)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    scope=st.sampled_from(SCOPES), event=st.sampled_from(EVENTS), said=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), body=VALUES, skew=SKEWS
)  # fmt: skip
def test_log_records(store: ClickHouseStore, scope: str, event: str, said: Mapping[str, Recipe], body: Recipe, skew: int) -> None:
    hostile = log("hostile", 5)
    hostile.event_name = event
    hostile.body.CopyFrom(MAKE[body[0]](body[1]))
    hostile.time_unix_nano = max(0, hostile.time_unix_nano + skew)
    put(hostile, said)
    request = log_request([log("before", 1), hostile, log("after", 9)], resource("agent"))
    request.resource_logs[0].scope_logs[0].scope.name = scope
    stored(Line(store), LOGS, request, 2)


@pytest.mark.slow
def test_ten_thousand_attributes(store: ClickHouseStore) -> None:
    line = Line(store)
    hostile = span(2, "hostile", (0, 5), {f"attribute.{number}": "x" * 100 for number in range(10_000)})
    stored(line, SPANS, span_request([span(1, "before", (0, 9)), hostile, span(3, "after", (1, 2))], resource("agent")), 2)
    assert line.values("otel_traces", "length(SpanAttributes)", "SpanName = 'hostile'") == [10_000]


@pytest.mark.slow
def test_text_that_is_no_utf8(store: ClickHouseStore) -> None:
    """Protobuf's own reader refuses the whole request for it."""
    line = Line(store)
    hostile = span(2, "hostile", (0, 5), {"gen_ai.prompt.0.content": "PLACE"})
    raw = span_request([span(1, "before", (0, 9)), hostile, span(3, "after", (1, 2))], resource("agent")).SerializeToString()
    line.write(SPANS, parse_lenient(SPANS, raw.replace(b"PLACE", b"\xff\xfe\xc3(\x80")))
    line.summarise()
    assert sorted(line.values("otel_traces", "SpanName")) == ["after", "before", "hostile"]


def field(number: int, content: bytes) -> bytes:
    """A protobuf field of bytes, written by hand: protobuf itself builds nothing that it would not read."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrap", [lambda value: field(5, field(1, value)), lambda value: field(6, field(1, field(1, b"k") + field(2, value)))]
)
def test_fifty_levels(store: ClickHouseStore, wrap: Callable[[bytes], bytes]) -> None:
    """Lists, and maps, deeper than protobuf's own reader goes."""
    value = field(1, b"deepest")
    for _ in range(50):
        value = wrap(value)
    line = Line(store)
    fine, hostile = (field(1, b"t" * 16) + field(2, name * 8) + field(5, name) for name in (b"f", b"h"))
    spans = field(2, fine) + field(2, hostile + field(9, field(1, b"gen_ai.prompt") + field(2, value)))
    line.write(SPANS, parse_lenient(SPANS, field(1, field(2, spans))))
    line.summarise()
    assert sorted(line.values("otel_traces", "SpanName")) == ["f", "h"]
    assert "deepest" in line.values("otel_traces", "SpanAttributes['gen_ai.prompt']", "SpanName = 'h'")[0]
