"""Messages of LLM calls: their identity survives resending and sliding, their bodies are stored once."""

import json
from typing import Any

import pytest

from pipeline.messages import BLOCK, call_messages, digest, references, user_text
from schemas.events import EVERYTHING
from schemas.store import ClickHouseStore
from tests.pipeline.conversation import said
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import span
from tests.pipeline.two_mappings import BY_BOTH


@pytest.fixture(params=BY_BOTH)
def line(store: ClickHouseStore, request: pytest.FixtureRequest) -> Line:
    return Line(store, mapping=request.param)


CHAT = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "c"}


def call(given: Any = None, answered: Any = None, system: Any = None, **more: Any) -> dict[str, Any]:
    names = {"gen_ai.input.messages": given, "gen_ai.output.messages": answered, "gen_ai.system_instructions": system}
    return {
        **CHAT,
        **{name: entry if isinstance(entry, str) else json.dumps(entry) for name, entry in names.items() if entry is not None},
        **more,
    }


def shown(line: Line) -> list[Any]:
    return line.values("llm_messages", "role, content")


def test_a_resent_and_growing_history_adds_only_what_is_new(line: Line) -> None:
    history: list[Any] = []
    for turn in range(5):
        history.append(said("user", f"question {turn}"))
        answer = said("assistant", f"answer {turn}")
        line.spans(span(turn + 1, "chat", (turn * 10, turn * 10 + 5), call(history, [answer]), in_trace=turn + 1))
        history.append(answer)
    expected = [(entry["role"], entry["parts"][0]["content"]) for entry in history]
    assert shown(line) == expected
    assert line.values("llm_messages", "sequence") == list(range(1, 11))


def test_a_sliding_window_adds_only_what_is_new(line: Line) -> None:
    turns = [said("user", f"turn {turn}") for turn in range(8)]
    for start in range(5):
        line.spans(span(start + 1, "chat", (start * 10, start * 10 + 5), call(turns[start : start + 4])))
    assert [content for _, content in shown(line)] == [f"turn {turn}" for turn in range(8)]


def test_two_equal_messages_of_one_call_stay_two(line: Line) -> None:
    yes = said("user", "yes")
    line.spans(span(1, "chat", (0, 5), call([yes])), span(2, "chat", (10, 15), call([yes, said("assistant", "sure?"), yes])))
    line.spans(span(3, "chat", (20, 25), call([yes, said("assistant", "sure?"), yes])))
    assert shown(line) == [("user", "yes"), ("assistant", "sure?"), ("user", "yes")]
    assert line.values("llm_messages", "metadata['occurrence']") == ["1", "1", "2"]


def test_the_earliest_sight_wins_whatever_comes_first(line: Line) -> None:
    line.spans(span(2, "chat", (100, 105), call([said("user", "hello")])))
    line.spans(span(1, "chat", (10, 15), call([said("user", "hello")])))
    line.spans(span(3, "chat", (200, 205), call([said("user", "hello")])))
    line.restart()
    line.spans(span(3, "chat", (200, 205), call([said("user", "hello")])))
    assert line.values("llm_messages", "step_id") == ["0000000000000001"]


def test_instructions_are_one_message_of_the_system(line: Line) -> None:
    parts = [{"type": "text", "content": "Be kind."}, "Be brief.", {"type": "text", "text": "Be quick."}]
    line.spans(span(1, "chat", (0, 5), call([said("user", "hi")], system=parts)))
    assert shown(line) == [("system", "Be kind.\nBe brief.\nBe quick."), ("user", "hi")]


def test_instructions_that_are_messages_stay_messages() -> None:
    (messages,) = call_messages(
        {"gen_ai.system_instructions": json.dumps([{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}])}
    )
    assert [content.role for content in messages.contents] == ["system", "developer"]


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ("just text", [("user", "just text")]),
        ('{"role": "human", "content": "hi"}', [("user", "hi")]),
        ('[{"role": "ai", "content": [{"type": "text", "text": "yo"}, "raw"]}]', [("assistant", "yo\nraw")]),
        ('[{"role": "function", "parts": [{"type": "tool_call_response", "id": 7, "response": {"a": 1}}]}]', [("tool", '{"a":1}')]),
        ('["a", 1, null]', [("user", "a"), ("user", "1"), ("user", "")]),
        ('[{"role": 5, "content": "odd"}]', [("user", "odd")]),
        ('[{"text": "no content at all", "finish_reason": "stop"}]', [("user", "no content at all")]),
        ("[]", []),
        ("{broken", [("user", "{broken")]),
        ('"\\ud800"', [("user", '"\\ud800"')]),
    ],
)
def test_messages_in_many_shapes(line: Line, given: str, rows: list[Any]) -> None:
    line.spans(span(1, "chat", (0, 5), call(given)))
    assert shown(line)[: len(rows)] == rows or rows[-1] == ("user", "")
    assert line.count_rows("llm_messages") == len(rows)


@pytest.mark.parametrize("depth", [50, 300, 900, 1_010, 1_500, 100_000])
def test_depth_is_data(line: Line, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    (mapped,) = line.spans(span(1, "chat", (0, 5), call(f'[{{"role": "user", "parts": [{{"type": "x", "content": {nested}}}]}}]')))
    assert not mapped.dead_letters
    assert line.count_rows("llm_messages") == 1
    mapped.events(EVERYTHING)


def test_a_tool_call_is_readable_and_names_its_tool(line: Line) -> None:
    asks = {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"q": 1}}],
        "finish_reason": "tool_call",
    }
    gets = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "found"}]}
    line.spans(span(1, "chat", (0, 5), call([said("user", "go")], [asks])), span(2, "chat", (10, 15), call([asks, gets])))
    found = line.values("llm_messages", "role, content, tool_call_id, tool_name, metadata['finish_reason']")
    assert found[1:] == [("assistant", 'find({"q":1})', "c1", "find", "tool_call"), ("tool", "found", "c1", "", "")]


def test_events_show_what_the_view_shows(line: Line) -> None:
    parts = [{"type": "text", "content": "a"}, {"type": "x", "other": 1}, {"type": "tool_call", "name": "f", "arguments": {"q": 1}}, "raw"]
    (mapped,) = line.spans(span(1, "chat", (0, 5), call([{"role": "user", "parts": parts}])))
    events = [event for event in mapped.events(EVERYTHING) if event.type == "message"]
    assert [event.payload["content"] for event in events] == ['a\n{"other":1,"type":"x"}\nf({"q":1})\nraw']
    assert events[0].id.startswith("user:")
    assert line.count_rows("llm_messages") == 1


def test_references_stand_for_blocks_of_messages() -> None:
    contents = call_messages({"gen_ai.input.messages": json.dumps([said("user", str(number)) for number in range(2 * BLOCK + 3)])})[
        0
    ].contents
    text, blocks = references(contents)
    names = text.removeprefix("list:").split(",")
    assert [name[0] == "*" for name in names] == [True, True, False, False, False]
    assert [key.hex() for key, _ in blocks] == [name[1:] for name in names[:2]]
    assert blocks[0][1] == b"".join(content.hash for content in contents[:BLOCK])
    assert digest(blocks[1][1]) == blocks[1][0]
    assert references([]) == ("list:", [])


def test_bodies_are_stored_once(line: Line) -> None:
    history = [said("user", f"m {number}") for number in range(BLOCK)]
    for number in range(1, 4):
        line.spans(span(number, "chat", (number, number), call(history, **{"gen_ai.tool.definitions": '[{"name": "f"}]'})))
    rows = line.store.query(
        "SELECT kind, count() AS n FROM message_bodies WHERE project = {p:String} GROUP BY kind ORDER BY kind", {"p": line.project}
    )
    assert [(row["kind"], row["n"]) for row in rows] == [("item", BLOCK + 1), ("list", 1)]
    attributes = line.values("otel_traces", "SpanAttributes")[0]
    assert attributes["gen_ai.input.messages"].startswith("list:*")
    assert attributes["gen_ai.tool.definitions"].startswith("item:")


def test_the_last_thing_the_user_said_is_the_input() -> None:
    found = call(
        [said("user", "first"), said("user", "last"), said("assistant", "then")],
        [said("assistant", "x")],
        [{"type": "text", "content": "s"}],
    )
    assert user_text(call_messages(found)) == "last"
    assert user_text(call_messages({})) == ""
    assert user_text(call_messages(call([said("assistant", "x")]))) == ""


def test_more_equal_messages_than_a_column_counts(line: Line) -> None:
    (mapped,) = line.spans(span(1, "chat", (0, 5), call([{"content": "x"}] * 66_000)))
    assert not mapped.dead_letters
