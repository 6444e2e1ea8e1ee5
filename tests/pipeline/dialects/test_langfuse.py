"""Langfuse SDK: observations, their usage and costs, what traces were asked."""

import json
from typing import Any

import pytest

from tests.pipeline.dialects.sdk_spans import attributes_of, one, recorded, survives

SCOPE = "langfuse-sdk"
OF = "langfuse.observation."


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("generation", ("llm_call", "", "")), ("embedding", ("llm_call", "", "")), ("tool", ("tool_call", "x", "")), ("agent", ("directive", "", "x")),
        ("chain", ("directive", "", "")), ("retriever", ("script", "", "")), ("GENERATION", ("llm_call", "", "")), ("span", ("span", "", "")),
        ("guardrail", ("check_permission", "", "")), ("", ("span", "", "")),
    ],
)  # fmt: skip
def test_types_and_names(kind: str, wanted: tuple[str, str, str]) -> None:
    assert one(SCOPE, "x", {OF + "type": kind}).columns("type tool_name agent_name") == [wanted]


def test_columns() -> None:
    said = {
        OF + "type": "generation", OF + "model.name": "m", OF + "prompt.name": "p", OF + "prompt.version": 2, "langfuse.user.id": "u",
        "langfuse.session.id": "s", OF + "cost_details": '{"input":0.1,"output":0.2,"total":0.25}', OF + "level": "ERROR",
    }  # fmt: skip
    row = one(SCOPE, "x", said).all[0]
    wanted = {
        "model": "m", "prompt_name": "p", "prompt_version": "2", "user_id": "u", "thread_key": "s", "cost_usd": 0.25, "status": "error",
        "error_type": "error", "dialect": "langfuse",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("details", "wanted"),
    [
        ({"input": 10, "output": 5}, (10, 5, 0, 0, 0)),
        ({"input": 10, "output": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7}, (117, 5, 100, 7, 0)),
        ({"input": 10, "output": 5, "input_cached_tokens": 4, "total": 15}, (10, 5, 4, 0, 0)),
        ({"input": 10, "output": 5, "input_cached_tokens": 4, "total": 19}, (14, 5, 4, 0, 0)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 4}, (10, 5, 4, 0, 0)),
        ({"input": 10, "output": 5, "output_reasoning_tokens": 3, "total": 18}, (10, 8, 0, 0, 3)),
        ({"input": 10, "output": 5, "output_reasoning_tokens": 3, "total": 15}, (10, 5, 0, 0, 3)),
        ({"input": "12", "output": True, "cache_read_input_tokens": None}, (12, 0, 0, 0, 0)),
        ({"input": -1, "output": 1e300}, (0, 0, 0, 0, 0)),
        ([], (0, 0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_usage(details: Any, wanted: tuple[int, ...]) -> None:
    rows = one(SCOPE, "x", {OF + "usage_details": json.dumps(details)})
    assert rows.columns("input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens") == [wanted]


@pytest.mark.parametrize(
    ("details", "wanted"),
    [
        ('{"input":0.1,"output":0.2}', 0.3),
        ('{"total":"1"}', None),
        ('{"total":true,"input":-1}', None),
        ("[1]", None),
        ('{"input":1}', 1.0),
    ],
)
def test_cost(details: str, wanted: float | None) -> None:
    assert one(SCOPE, "x", {OF + "cost_details": details}).columns("cost_usd") == [(wanted,)]


@pytest.mark.parametrize(
    ("given", "answer", "wanted"),
    [
        ("hi", "there", [("user", "hi"), ("assistant", "there")]),
        ('"hi"', '"there"', [("user", "hi"), ("assistant", "there")]),
        ('{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}', '{"content":"c"}',
         [("system", "s"), ("user", "u"), ("assistant", "c")]),
        ('[{"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"name":"t","arguments":"{\\"a\\":1}"}}]},'
         '{"role":"tool","tool_call_id":"c","content":"42"}]', '{"choices":1}',
         [("assistant", 't({"a":1})'), ("tool", '="42"'), ("assistant", '{"choices":1}')]),
        ('[{"role":"user","content":["a",{"type":"input_text","text":"b"},{"text":"c"},{"x":1},{"type":"file"}]}]', "null",
         [("user", 'a b c {"x":1} <file>')]),
        ('[{"role":"user"},null,""]', "", []),
    ],
)  # fmt: skip
def test_messages(given: str, answer: str, wanted: list[tuple[str, str]]) -> None:
    assert one(SCOPE, "x", {OF + "type": "generation", OF + "input": given, OF + "output": answer}).messages() == wanted


def test_a_tool() -> None:
    stored = attributes_of(SCOPE, "search", {OF + "type": "tool", OF + "input": '{"q":1}', OF + "output": "2"})
    assert (stored["gen_ai.tool.call.arguments"], stored["gen_ai.tool.call.result"]) == ('{"q":1}', "2")


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("what?", "what?"), ('"what?"', "what?"), ('[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]', "a"),
        ('[{"role":"assistant","content":"b"}]', ""), ('[{"role":"user","content":["a",{"type":"text","text":"b"}]}]', "a\nb"),
    ],
)  # fmt: skip
def test_what_the_user_asked(asked: str, wanted: str) -> None:
    assert one(SCOPE, "root", {OF + "type": "span", "langfuse.trace.input": asked}).columns("user_input") == [(wanted,)]


@pytest.mark.parametrize("kind", ["generation", "tool", "agent", "span"])
def test_hostile_values(kind: str) -> None:
    assert one("any", "x", {OF + "type": kind}).all[0]["dialect"] == "langfuse"
    survives(SCOPE, (kind,), [OF + name for name in ("input", "output", "usage_details", "cost_details", "level", "type")])
    for value in (
        "[" * 500,
        "{}",
        "[[[]]]",
        '{"role":{}}',
        '{"messages":{}}',
        '{"content":[{"type":[]}]}',
        '{"tool_calls":[1,{"function":3}]}',
    ):
        assert one(SCOPE, "x", {OF + "type": kind, OF + "input": value, "langfuse.trace.input": value}).all[0]["SpanName"] == "x"


def test_a_recorded_generation() -> None:
    rows = recorded("langfuse-sdk/convert-lf-otel-spans-to-lf-events.otlp.json")
    assert rows.columns("SpanName type model prompt_name prompt_version user_id thread_key input_tokens output_tokens cost_usd user_input")[0] == (
        "my-generation", "llm_call", "gpt-4o", "my-prompt", "1", "my-user", "my-session", 123, 456, 0.0021, "hello",
    )  # fmt: skip
    assert rows.columns("SpanName type status dialect")[1] == ("my-span", "span", "complete", "langfuse")
    assert rows.messages() == [("user", "hello"), ("assistant", "what's up?")]


def test_a_recorded_span_without_attributes() -> None:
    assert recorded("langfuse-sdk/process-a-json-payload-correctly.otlp.json").columns("type dialect") == [("span", "langfuse")]
