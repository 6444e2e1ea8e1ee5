"""Messages that are events: of spans and of logs, of all versions of the conventions since 1.30."""

from typing import Any

import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import items, log, span

CALLED = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}]
WANTED = [
    ("system", "be brief"),
    ("user", "find it"),
    ("assistant", 'look({"q": 1})'),
    ("tool", "found"),
    ("assistant", "there"),
]
SAID: list[tuple[str, dict[str, Any]]] = [
    ("gen_ai.system.message", {"content": "be brief"}),
    ("gen_ai.user.message", {"content": "find it"}),
    ("gen_ai.assistant.message", {"tool_calls": CALLED}),
    ("gen_ai.tool.message", {"content": "found", "id": "c1"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "there"}}),
]


def chat(events: Any = (), **more: Any) -> Span:
    return span(
        2,
        "chat m",
        (0, 10),
        {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m"},
        events=events,
        **more,
    )


def event(number: int, name: str, said: dict[str, Any]) -> Span.Event:
    return Span.Event(name=name, time_unix_nano=number, attributes=items(said))


def messages(line: Line) -> list[Any]:
    line.summarise()
    return line.values("llm_messages", "role, content")


@pytest.mark.parametrize("way", ["json", "flat", "body"])
def test_events_of_a_span(line: Line, way: str) -> None:
    events = []
    for number, (name, said) in enumerate(SAID):
        flat = {key: item if isinstance(item, str | int) else orjson.dumps(item).decode() for key, item in said.items()}
        whole = {"gen_ai.event.content" if way == "json" else "event_body": orjson.dumps(said).decode()}
        events.append(event(number, name, flat if way == "flat" else whole))
    line.spans(chat(events))
    assert messages(line) == WANTED
    assert line.values("threads", "user_input") == ["find it"]


def test_contents_of_one_direction(line: Line) -> None:
    prompt = '[{"role": "user", "content": "a"}]'
    line.spans(
        chat(
            [
                event(1, "gen_ai.content.prompt", {"gen_ai.prompt": prompt}),
                event(2, "gen_ai.content.completion", {"gen_ai.completion": "b"}),
            ]
        )
    )
    assert messages(line) == [("user", "a"), ("assistant", "b")]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("order", ["span first", "span last", "thread last"])
def test_log_records(line: Line, order: str, as_text: bool) -> None:
    """Each message a record that names only the span; the thread is known from a span around, which may come last."""
    records = [
        log(orjson.dumps(said).decode() if as_text else said, number, {"gen_ai.system": "openai"}, in_trace=1, in_span=2, event=name)
        for number, (name, said) in enumerate(SAID)
    ]
    agent = span(1, "invoke_agent a", (0, 20), {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "t"})
    if order == "span first":
        line.spans(agent, chat(parent=1))
    for record in records:
        line.logs(record)
        line.logs(record, again=True)
    if order != "span first":
        line.spans(chat(parent=1))
        line.summarise()
        line.spans(agent)
    assert messages(line) == WANTED
    assert set(line.values("llm_messages", "thread_id, step_id")) == {("t", "0000000000000002")}


def test_a_history_told_again_by_the_next_call_is_stored_once(line: Line) -> None:
    for call in range(3):
        said = SAID if call else SAID[:2]
        line.logs(
            *[
                log(body, call * 100 + number, {"gen_ai.conversation.id": "t"}, in_trace=1, in_span=2 + call, event=name)
                for number, (name, body) in enumerate(said)
            ]
        )
    assert messages(line) == WANTED


def test_details_of_the_operation(line: Line) -> None:
    """The event of today, with structured attributes; the record keeps a reference."""
    said = {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "a"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "b"}], "finish_reason": "stop"}],
    }
    line.logs(log(None, 5, said, in_trace=1, in_span=2, event="gen_ai.client.inference.operation.details"))
    line.spans(chat())
    assert messages(line) == [("user", "a"), ("assistant", "b")]
    assert line.values("logs", "context['gen_ai.input.messages'] LIKE 'list:%'") == [1]


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "{",
        "[]",
        "7",
        {"content": None},
        {"role": 7, "content": {"a": 1}},
        {"message": 5},
        {"tool_calls": "x"},
        {"tool_calls": [1]},
    ],
)
def test_bodies_that_say_nothing_or_nonsense_break_nothing(line: Line, body: Any) -> None:
    line.logs(*[log(body, number, {}, in_trace=1, in_span=2, event=name) for number, (name, _) in enumerate(SAID)])
    line.spans(chat())
    line.summarise()
    assert line.count_rows("logs") == len(SAID)
