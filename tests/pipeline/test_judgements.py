"""Scores that spans tell: evaluation events, OpenInference's lists, evaluators' own spans; and what is told of them live."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.retranslation.translate import Translation
from schemas.events import EVERYTHING, Event, Interest
from schemas.scores import EVENT, EXPLANATION, LABEL, NAME, SOURCE, VALUE
from schemas.settings import load_settings
from schemas.store import ClickHouseStore
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import at, hex_span, hex_trace, items, log, span
from tests.pipeline.two_mappings import BY_BOTH

C = {"gen_ai.conversation.id": "c"}
AGENT = span(1, "invoke_agent planner", (0, 60), {"gen_ai.operation.name": "invoke_agent", **C})
CHAT = {"gen_ai.operation.name": "chat"}
TARGETS = "thread_id, step_id, name, value, label, explanation, source"


@pytest.fixture(params=BY_BOTH)
def line(store: ClickHouseStore, request: pytest.FixtureRequest) -> Line:
    return Line(store, mapping=request.param)


def event(name: str, when: float, said: Mapping[str, Any]) -> Span.Event:
    return Span.Event(name=name, time_unix_nano=at(when), attributes=items(said))


def judged(number: int, *said: Span.Event, parent: int = 1, **attributes: Any) -> Span:
    found = span(number, "chat", (10, 20), {**CHAT, **{name.replace("__", "."): value for name, value in attributes.items()}}, parent)
    found.events.extend(said)
    return found


def test_an_evaluation_event_of_a_span_is_a_score_of_it(line: Line) -> None:
    first = event(EVENT, 15, {NAME: "relevance", VALUE: 0.5, LABEL: "pass", EXPLANATION: "on topic"})
    line.spans(AGENT, judged(2, first, event(EVENT, 16, {NAME: "toxicity", VALUE: 0, SOURCE: "ada"})))
    line.spans(AGENT, judged(2, first), again=True)
    line.summarise()
    assert line.values("scores", TARGETS) == [
        ("c", hex_span(2), "relevance", 0.5, "pass", "on topic", "tests"),
        ("c", hex_span(2), "toxicity", 0.0, "", "", "ada"),
    ]


@pytest.mark.parametrize(("word", "about"), [("evaluation", ""), ("annotation", "trace."), ("evaluation", "session.")])
def test_openinference_s_lists_of_results(line: Line, word: str, about: str) -> None:
    def entry(number: int, **said: Any) -> dict[str, Any]:
        return {f"{about}{word}s.{number}.{word}.{field}": value for field, value in said.items()}

    results = entry(0, name="true", score=1, label="factual", explanation="in the sources", annotator_kind="LLM") | entry(1, name="nothing")
    line.spans(AGENT, span(2, "chat", (10, 20), {**CHAT, **results | entry(2, score=0.5, metadata="{}")}, 1))
    line.summarise()
    step = "" if about else hex_span(2)
    assert line.values("scores", TARGETS) == [
        ("c", step, "evaluation", 0.5, "", "", "tests"),
        ("c", step, "true", 1.0, "factual", "in the sources", "LLM"),
    ]


def test_a_result_under_both_words_is_one_and_so_is_one_with_the_same_identifier(line: Line) -> None:
    both = {f"{word}s.0.{word}.{field}": said for word in ("evaluation", "annotation") for field, said in (("name", "n"), ("score", 1))}
    keyed = {"evaluations.1.evaluation.name": "k", "evaluations.1.evaluation.identifier": "judge-2"}
    line.spans(AGENT, span(2, "chat", (10, 20), {**CHAT, **both, **keyed, "evaluations.1.evaluation.score": 1}, 1))
    line.spans(AGENT, span(2, "chat", (10, 21), {**CHAT, **both, **keyed, "evaluations.1.evaluation.score": 2}, 1))
    line.summarise()
    assert line.values("scores", "name, value") == [("k", 2.0), ("n", 1.0), ("n", 1.0)]


OPENINFERENCE = {"openinference.span.kind": "EVALUATOR"}
LANGFUSE = {"langfuse.observation.type": "evaluator"}


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        (OPENINFERENCE, {"output.value": "0.95"}, ("grade", 0.95, "", "")),
        (OPENINFERENCE, {"output.value": '{"score": true, "explanation": "all there"}'}, ("grade", None, "true", "all there")),
        (OPENINFERENCE, {"output.value": "good", "metadata": '{"evaluator_name": "tone", "score": 1, "label": "kind"}'}, ("tone", 1.0, "kind", "")),
        (LANGFUSE, {"langfuse.observation.output": '{"name": "length", "value": "short", "comment": "5 words"}'}, ("length", None, "short", "5 words")),
        (LANGFUSE, {"langfuse.observation.output": '{"value": 3, "label": "fair"}'}, ("grade", 3.0, "fair", "")),
        ({}, {NAME: "safety", LABEL: "pass"}, ("safety", None, "pass", "")),
    ],
)  # fmt: skip
def test_an_evaluator_s_span_judges_what_it_lies_in(line: Line, kind: Any, given: Any, wanted: Any) -> None:
    line.spans(AGENT, judged(2), span(3, "grade", (15, 18), {**kind, **given}, 2))
    line.summarise()
    assert line.values("scores", "thread_id, step_id, name, value, label, explanation") == [("c", hex_span(2), *wanted)]


@pytest.mark.parametrize("output", ["", "fine", '"fine"', "[1]", "{", "true", '{"score": [1]}', json.dumps({"label": "x" * 300})])
def test_what_is_no_verdict_is_no_score(line: Line, output: str) -> None:
    line.spans(AGENT, span(3, "grade", (15, 18), {**OPENINFERENCE, "output.value": output}, 1))
    assert line.values("scores", "label") == (["true"] if output == "true" else [])


def test_a_judged_call_may_say_its_own_score(line: Line) -> None:
    line.spans(AGENT, judged(2, gen_ai__evaluation__score__value=0.25))
    assert line.values("scores", "step_id, name, value") == [(hex_span(2), "chat", 0.25)]


def test_scores_come_of_stored_spans_too_when_they_are_translated_again(store: ClickHouseStore) -> None:
    line = Line(store)
    line.spans(AGENT, judged(2, event(EVENT, 15, {NAME: "n", VALUE: 1}), gen_ai__evaluation__score__value=2))
    line.summarise()
    before = line.rows("scores")
    translation = Translation(store, load_settings().retention_days, {}, lambda: None)
    translation.traces({(line.project, hex_trace(1)): line.received}, everything=True)
    assert line.rows("scores") == before
    assert len(before) == 2
    store.command("ALTER TABLE score_records DELETE WHERE project = {p:String} SETTINGS mutations_sync = 1", {"p": line.project})
    line.summaries.rebuild(translation.traces({(line.project, hex_trace(1)): line.received}, everything=True).traces)
    line.summarise()
    assert line.rows("scores") == before


def told(line: Line, interest: Interest = EVERYTHING) -> list[Event]:
    commits, line.heard.commits = line.heard.commits, []
    return [event for commit in commits for event in commit.events(interest) if event.type == "score"]


def test_scores_are_told_when_they_come_or_when_their_thread_is_found(line: Line) -> None:
    named = log("", 30, {NAME: "n", VALUE: 1, **C}, 1, 2, EVENT)
    (mapped,) = line.logs(named)
    (heard,) = [event for event in mapped.events(EVERYTHING) if event.type == "score"]
    (row,) = line.store.query("SELECT * FROM scores WHERE project = {p:String}", {"p": line.project})
    assert (heard.id, heard.thread_id, dict(heard.payload).keys()) == (row["score_id"], "c", row.keys())
    assert heard.payload["timestamp"] == "2025-10-09T09:01:00.030000000Z"

    (mapped,) = line.spans(judged(2, event(EVENT, 15, {NAME: "s", VALUE: 2})))
    assert [event for event in mapped.events(EVERYTHING) if event.type == "score"] == []
    line.summarise()
    assert [(event.thread_id, event.payload["name"]) for event in told(line)] == [(hex_trace(1), "s")]
    line.spans(AGENT)
    line.summarise()
    elsewhere = Interest(threads=frozenset({(line.project, "other")}))
    assert all(event.type != "score" for commit in line.heard.commits for event in commit.events(elsewhere))
    assert [event.thread_id for event in told(line, Interest(threads=frozenset({(line.project, "c")})))] == ["c"]
    line.spans(AGENT)
    line.summarise()
    assert told(line) == []
