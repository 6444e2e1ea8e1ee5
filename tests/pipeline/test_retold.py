"""What calls without a thread of their own say in several threads of one trace: each thread has all of it, whatever came first or twice."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.messages import BLOCK
from pipeline.retranslation.translate import Translation
from schemas.settings import load_settings
from schemas.store import ClickHouseStore
from tests.pipeline.conversation import said
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import hex_span, hex_trace, span
from tests.pipeline.two_mappings import BY_BOTH

GO, YES = said("user", "go"), said("assistant", "yes")


@pytest.fixture(params=BY_BOTH)
def line(store: ClickHouseStore, request: pytest.FixtureRequest) -> Line:
    return Line(store, mapping=request.param)


def agent(number: int, thread: str, times: tuple[float, float], parent: int = 0) -> Span:
    return span(number, "agent", times, {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": thread}, parent)


def chat(number: int, times: tuple[float, float], parent: int, given: Any, answered: Any = None, **more: Any) -> Span:
    found = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(given), **more}
    return span(number, "chat", times, found if answered is None else found | {"gen_ai.output.messages": json.dumps(answered)}, parent)


SPANS = (
    agent(1, "a", (1, 40)),
    agent(3, "b", (4, 30), 1),
    chat(2, (2, 3), 1, [GO], [YES]),
    chat(4, (5, 6), 3, [GO, GO], [YES]),
    chat(5, (7, 8), 3, [GO, YES, GO], [said("assistant", "done")]),
    chat(6, (9, 10), 1, [GO], **{"gen_ai.conversation.id": "a"}),
)
TOLD = [
    ("a", 1, "user", "go", 2), ("a", 2, "assistant", "yes", 2),
    ("b", 1, "user", "go", 4), ("b", 2, "user", "go", 4), ("b", 3, "assistant", "yes", 4), ("b", 4, "assistant", "done", 5),
]  # fmt: skip


def told(line: Line) -> list[Any]:
    rows = line.values("llm_messages", "thread_id, sequence, role, content, step_id")
    return [(*row[:4], int(row[4], 16)) for row in rows]


def test_calls_without_a_thread_that_say_the_same_in_two_threads(line: Line) -> None:
    line.spans(*SPANS[2:])
    line.summarise()
    line.spans(*SPANS[:2])
    line.summarise()
    assert told(line) == TOLD
    line.spans(*SPANS)
    line.summarise()
    assert told(line) == TOLD


def test_what_leaves_a_thread_leaves_what_others_said_there(line: Line) -> None:
    """Until its own agent is known a call stands in the trace's thread, and an earlier sight of a message takes the place of a later one."""
    early, late = chat(4, (1.5, 1.7), 3, [GO]), chat(2, (2, 3), 1, [GO])
    line.spans(agent(1, "a", (1, 40)), early, late)
    line.summarise()
    assert told(line) == [("a", 1, "user", "go", 4)]
    line.spans(agent(3, "b", (1.2, 30), 1))
    line.summarise()
    assert told(line) == [("a", 1, "user", "go", 2), ("b", 1, "user", "go", 4)]


def test_long_histories(line: Line) -> None:
    history = [said("user", str(number)) for number in range(2 * BLOCK + 1)]
    line.spans(chat(2, (2, 3), 1, history), chat(4, (5, 6), 3, [*history, YES]), chat(7, (7, 8), 3, [*history[BLOCK:], YES]))
    line.spans(*SPANS[:2])
    line.summarise()
    assert [content for *_, content, _ in told(line)] == [str(number) for number in range(2 * BLOCK + 1)] * 2 + ["yes"]


def test_references_without_their_blocks_tell_nothing(line: Line) -> None:
    history = [said("user", str(number)) for number in range(BLOCK)]
    line.spans(chat(2, (2, 3), 1, history), chat(4, (5, 6), 3, history))
    line.spans(*SPANS[:2])
    where = "kind = 'list' AND project = {p:String} SETTINGS mutations_sync = 1"
    line.store.command(f"ALTER TABLE message_bodies DELETE WHERE {where}", {"p": line.project})
    line.summarise()
    assert {step for *_, step in told(line)} == {2}


def test_a_trace_that_goes_on_asks_only_for_what_is_new(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    query = type(line.store).query

    def counted(self: Any, sql: str, parameters: Any = None) -> Any:
        if "AS references" in sql:
            asked.append(parameters["spans"])
        return query(self, sql, parameters)

    monkeypatch.setattr(type(line.store), "query", counted)
    line.spans(*SPANS)
    line.summarise()
    line.spans(chat(8, (11, 12), 3, [GO]))
    line.summarise()
    line.spans(chat(9, (13, 14), 3, [GO], **{"gen_ai.conversation.id": "b"}))
    line.summarise()
    assert asked == [[hex_span(number) for number in (2, 4, 5)], [hex_span(8)]]
    line.spans(agent(20, "c", (0, 1)), agent(21, "c", (0, 1), 20))
    line.summarise()
    assert told(line)[: len(TOLD)] == TOLD


def test_the_same_after_a_translation(line: Line) -> None:
    line.spans(*SPANS)
    line.summarise()
    translation = Translation(line.store, load_settings().retention_days, {}, lambda: None)
    line.summaries.rebuild(translation.traces({(line.project, hex_trace(1)): line.received}, everything=True).traces)
    line.summarise()
    assert told(line) == TOLD


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_the_same_in_any_order(store: ClickHouseStore, data: st.DataObject) -> None:
    line = Line(store)
    for one in data.draw(st.permutations(SPANS)):
        line.spans(one)
        happens = data.draw(st.sampled_from(("nothing", "again", "summary", "summary", "restart", "heal")))
        if happens == "again":
            line.spans(one, again=True)
        line.befall(happens)
    line.summarise()
    line.heal()
    assert told(line) == TOLD
