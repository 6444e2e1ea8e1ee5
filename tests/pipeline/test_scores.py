"""Scores from evaluation events: of threads, traces and steps, before and after these are known, in any order, given twice."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai

from schemas.scores import EVENT, SCORE_ID, SOURCE
from schemas.store import ClickHouseStore
from schemas.topics import LOGS, SPANS
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import hex_span, hex_trace, log, resource, span

C = {"gen_ai.conversation.id": "c"}
JUDGE = resource("judge")
AGENT = span(1, "invoke_agent planner", (0, 60), {"gen_ai.operation.name": "invoke_agent", **C})
CHAT = span(2, "chat", (10, 20), {"gen_ai.operation.name": "chat"}, 1)


def score(when: float, *of: int, **said: Any) -> LogRecord:
    """`of`: trace and span that are judged."""
    in_trace, in_span = of or (1, 2)
    given = {"gen_ai.evaluation.name": "relevance", **{name.replace("__", "."): value for name, value in said.items()}}
    return log("", when, given, in_trace, in_span, EVENT)


def test_an_evaluation_event_is_a_score_of_its_step(line: Line) -> None:
    line.spans(AGENT, CHAT)
    said = {"gen_ai.evaluation.score.value": 0.75, "gen_ai.evaluation.score.label": "pass", "gen_ai.evaluation.explanation": "on topic"}
    line.logs(score(30, **said, **{"user.id": "ada"}), of=JUDGE)
    line.summarise()
    columns = "thread_id, trace_id, step_id, name, value, label, explanation, source, user_id"
    assert line.values("scores", columns) == [("c", hex_trace(1), hex_span(2), "relevance", 0.75, "pass", "on topic", "judge", "ada")]


def test_a_score_may_name_its_thread_alone_its_source_and_nothing_else(line: Line) -> None:
    line.logs(score(1, 0, 0, **C, **{SOURCE: "ada"}), log("", 2, {**C, "error.type": "timeout"}, event=EVENT), of=JUDGE)
    found = line.values("scores", "thread_id, trace_id, step_id, name, value, label, source")
    assert sorted(found) == [("c", "", "", "evaluation", None, "timeout", "judge"), ("c", "", "", "relevance", None, "", "ada")]


@pytest.mark.parametrize(("value", "wanted"), [("0.5", 0.5), (1, 1.0), (True, None), ("nan", None), ("many", None), (float("inf"), None)])
def test_what_is_no_number_is_none(line: Line, value: Any, wanted: float | None) -> None:
    line.logs(score(1, **C, gen_ai__evaluation__score__value=value))
    assert line.values("scores", "value") == [wanted]


def test_the_same_id_is_the_same_score_and_the_last_word_holds(line: Line) -> None:
    first, second = (score(at, **C, **{SCORE_ID: "s1"}, gen_ai__evaluation__score__value=at) for at in (1, 2))
    line.logs(first)
    line.logs(first, again=True)
    line.logs(second)
    assert line.values("scores", "score_id, value") == [("s1", 2.0)]
    line.logs(score(3, **C), score(3, **C), score(4, **C))
    assert line.count_rows("scores") == 3


def test_a_score_finds_the_thread_of_its_trace_however_late(line: Line) -> None:
    line.logs(score(30), score(31, 1, 9))
    line.summarise()
    assert line.values("scores", "thread_id") == ["", ""]
    line.spans(CHAT)
    line.summarise()
    assert set(line.values("scores", "thread_id")) == {hex_trace(1)}
    line.spans(AGENT)
    line.summarise()
    assert line.values("scores", "thread_id") == ["c", "c"]


def test_an_event_of_opentelemetry_s_own_sdk_within_the_span_that_is_judged(line: Line) -> None:
    spans, records = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    with tracers.get_tracer("agent").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat", **C}):
        attributes: dict[str, Any] = {gen_ai.GEN_AI_EVALUATION_NAME: "relevance", gen_ai.GEN_AI_EVALUATION_SCORE_VALUE: 0.5}
        loggers.get_logger("judge").emit(timestamp=1_772_366_400_000_000_000, event_name=EVENT, attributes=attributes)
    line.write(LOGS, encode_logs(records.get_finished_logs()))
    line.write(SPANS, encode_spans(spans.get_finished_spans()))
    line.summarise()
    (step,) = line.values("execution_steps", "step_id")
    assert line.values("scores", "thread_id, step_id, name, value") == [("c", step, "relevance", 0.5)]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_the_same_in_any_order(store: ClickHouseStore, data: st.DataObject) -> None:
    line = Line(store)
    records = [score(30, gen_ai__evaluation__score__value=1), score(31, 1, 9), score(32, 0, 0, **C), score(33, **{SCORE_ID: "k"})]
    for one in data.draw(st.permutations([AGENT, CHAT, *records])):
        write = line.logs if isinstance(one, LogRecord) else line.spans
        write(one)  # type: ignore[arg-type]  # each takes its own kind
        happens = data.draw(st.sampled_from(("nothing", "nothing", "again", "summary", "restart", "heal")))
        if happens == "again":
            write(one, again=True)  # type: ignore[arg-type]  # as above
        line.befall(happens)
    line.summarise()
    line.heal()
    found = sorted(line.values("scores", "thread_id, step_id, value"), key=str)
    assert found == sorted([("c", hex_span(2), 1.0), ("c", hex_span(9), None), ("c", "", None), ("c", hex_span(2), None)], key=str)
