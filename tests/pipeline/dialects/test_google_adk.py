"""Google ADK: names of spans, Gemini's requests and responses."""

import json
from typing import Any

import pytest

from tests.pipeline.dialects.sdk_spans import attributes_of, one, recorded, survives

SCOPE = "gcp.vertex.agent"
ADK = "gcp.vertex.agent."
PARTS: tuple[Any, ...] = ([1, None, []], [{"function_call": 1, "function_response": [], "text": 3}], 1)
HOSTILE_OBJECTS: tuple[Any, ...] = (1, "x", [], [[]], {}, *({"parts": parts} for parts in PARTS))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("invocation", ("directive", "", "")), ("agent_run [a b]", ("directive", "a b", "")), ("invoke_agent a", ("directive", "a", "")),
        ("call_llm", ("llm_call", "", "")), ("execute_tool t", ("tool_call", "", "t")), ("execute_tool [t]", ("tool_call", "", "t")),
        ("execute_tool (merged tools)", ("tool_call", "", "(merged tools)")), ("agent_run ", ("span", "", "")), ("send_data", ("span", "", "")),
        ("agent_run " + "x" * 1_000_000, ("span", "", "")),
    ],
)  # fmt: skip
def test_types_and_names(name: str, wanted: tuple[str, str, str]) -> None:
    assert one(SCOPE, name, {}).columns("type agent_name tool_name") == [wanted]


def call(request: Any = None, response: Any = None) -> Any:
    return one(SCOPE, "call_llm", {ADK + "llm_request": json.dumps(request), ADK + "llm_response": json.dumps(response)})


def test_columns_of_a_call() -> None:
    usage = {"prompt_token_count": 100, "candidates_token_count": 10, "thoughts_token_count": 5, "cached_content_token_count": 60}
    response = {"model_version": "answered", "finish_reason": "MAX_TOKENS", "error_code": "BLOCKED", "usage_metadata": usage}
    rows = call({"model": "asked", "config": {"labels": {"adk_agent_name": "a"}}}, response)
    wanted = {
        "request_model": "asked", "model": "answered", "agent_name": "a", "input_tokens": 100, "output_tokens": 15, "cache_read_tokens": 60,
        "reasoning_tokens": 5, "finish_reason": "max_tokens", "error_type": "BLOCKED", "status": "error", "dialect": "google-adk",
    }  # fmt: skip
    assert {name: rows.all[0][name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("be kind", [("system", "be kind")]), (["be", {"text": "kind"}], [("system", "be kind")]),
        ({"role": "user", "parts": [{"text": "be kind"}]}, [("system", "be kind")]), (None, []), ("", []), (7, [("system", "7")]),
    ],
)  # fmt: skip
def test_instructions(said: Any, wanted: list[tuple[str, str]]) -> None:
    assert call({"config": {"system_instruction": said}}).messages() == wanted


def test_messages() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "u"}, {"inline_data": {"mime_type": "image/png"}}]},
        {"role": "model", "parts": [{"text": "hm", "thought": True}, {"functionCall": {"id": "own", "name": "t", "args": {"a": 1}}}]},
        {"role": "user", "parts": [{"function_response": {"id": "adk-1", "name": "t", "response": {"r": 2}}}]},
        {"role": "user", "parts": []}, {"parts": [{"text": "no role"}]}, 7,
    ]  # fmt: skip
    answer = {"content": {"parts": [{"text": "done"}]}, "finish_reason": "STOP"}
    assert call({"contents": contents}, answer).messages() == [
        ("user", "u <other>"), ("assistant", '<reasoning> t({"a":1})'), ("tool", '={"r":2}'), ("user", "no role"), ("assistant", "done"),
    ]  # fmt: skip


def test_a_call_and_its_repetition_are_one_message() -> None:
    """The kit gives the call an id that it leaves out of the next request."""
    said = {"name": "t", "args": {}}
    history = {"contents": [{"role": "model", "parts": [{"function_call": said}]}]}
    answer = {"content": {"role": "model", "parts": [{"function_call": {**said, "id": "adk-5"}}]}}
    repeated, first = call(history).hashes(), call(None, answer).hashes()
    assert repeated == first
    assert len(first) == 1


def test_a_tool() -> None:
    stored = attributes_of(
        SCOPE, "execute_tool t", {ADK + "tool_call_args": '{"a":1}', ADK + "tool_response": '{"r":2}', ADK + "llm_request": "{}"}
    )
    assert (stored["gen_ai.tool.call.arguments"], stored["gen_ai.tool.call.result"]) == ('{"a":1}', '{"r":2}')
    assert "gen_ai.input.messages" not in stored


def test_hostile_values() -> None:
    assert one("any", "x", {ADK + "event_id": "1"}).all[0]["dialect"] == "google-adk"
    survives(
        SCOPE,
        ("call_llm", "execute_tool [", "agent_run [[x]]"),
        [ADK + name for name in ("llm_request", "llm_response", "tool_call_args", "session_id")],
    )
    for value in HOSTILE_OBJECTS:
        hostile = {"model": value, "contents": [value], "config": {"labels": value, "system_instruction": value}}
        answer = {"content": value, "usage_metadata": value, "finish_reason": value, "error_code": value, "model_version": value}
        assert call(hostile, answer).all[0]["type"] == "llm_call"
        assert call({"contents": value, "config": value}, value).all[0]["type"] == "llm_call"
    deep = '{"contents":[{"parts":[{"x":' + "[" * 400 + "]" * 400 + "}]}]}"
    assert one(SCOPE, "call_llm", {ADK + "llm_request": deep}).messages() == []


def test_a_recorded_run() -> None:
    rows = recorded("google-adk/google-adk-1.10.0.otlp.json")
    assert rows.columns("SpanName type agent_name tool_name model input_tokens output_tokens") == [
        ("execute_tool lookup_order", "tool_call", "", "lookup_order", "", 0, 0),
        ("call_llm", "llm_call", "support", "", "fake-gemini", 412, 27),
        ("call_llm", "llm_call", "support", "", "fake-gemini", 412, 27),
        ("agent_run [support]", "directive", "support", "", "", 0, 0),
        ("invocation", "directive", "", "", "", 0, 0),
    ]
    assert rows.named("call_llm")["thread_key"] == "sess-adk-1"
    assert rows.messages()[1:] == [
        ("user", "Where is order A-1187?"),
        ("assistant", 'lookup_order({"order_id":"A-1187"})'),
        ("tool", '={"status":"shipped"}'),
        ("assistant", "Order A-1187 has shipped."),
    ]
