"""Gemini CLI's spans: operations of its own, requests in the form of Google's API."""

import json
from typing import Any

import pytest

from tests.pipeline.dialects.agent_spans import Row, one

COMMON = {"gen_ai.agent.name": "gemini-cli", "gen_ai.conversation.id": "c1"}


def said(operation: str, more: Any) -> Row:
    return one("gemini-cli", operation, {**COMMON, "gen_ai.operation.name": operation, **more})


def test_a_model_call() -> None:
    more = {
        "gen_ai.request.model": "gemini-3",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.prompt.name": "c1########1",
    }
    row = said("llm_call", more)
    assert row.only("type", "dialect", "model", "input_tokens", "output_tokens", "thread_key", "agent_name", "provider") == (
        "llm_call", "gemini_cli", "gemini-3", 7, 2, "c1", "gemini-cli", "gcp.gen_ai",
    )  # fmt: skip
    assert said("llm_call", {**more, "gen_ai.system": "vertex_ai"})["provider"] == "vertex_ai"


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ("agent_call", "directive"),
        ("user_prompt", "directive"),
        ("schedule_tool_calls", "span"),
        ("system_prompt", "span"),
        ("new", "span"),
    ],
)
def test_other_operations(operation: str, wanted: str) -> None:
    assert said(operation, {})["type"] == wanted
    assert one("gemini-cli", operation, COMMON)["type"] == wanted


def test_a_tool_call() -> None:
    request = {"callId": "k", "name": "read_file", "args": {"path": "/a"}}
    done = {"status": "success", "response": {"callId": "k", "resultDisplay": "text"}}
    more = {"gen_ai.tool.name": "read_file", "gen_ai.tool.call_id": "k", "mcp_server_name": "files"}
    row = said("tool_call", {**more, "gen_ai.input.messages": json.dumps(request), "gen_ai.output.messages": json.dumps(done)})
    assert row.only("type", "tool_name", "tool_call_id", "mcp_id") == ("tool_call", "read_file", "k", "files")
    assert json.loads(row["SpanAttributes"]["gen_ai.tool.call.arguments"]) == {"path": "/a"}
    assert json.loads(row["SpanAttributes"]["gen_ai.tool.call.result"]) == {"callId": "k", "resultDisplay": "text"}
    row = said("tool_call", {**more, "gen_ai.input.messages": '{"args": "plain"}', "gen_ai.output.messages": '{"response'})
    assert row["SpanAttributes"]["gen_ai.tool.call.arguments"] == "plain"
    assert "gen_ai.tool.call.result" not in row["SpanAttributes"]


USER = {"role": "user", "parts": [{"text": "fix it"}, {"inlineData": {}}, {"text": "please"}]}
MODEL = {"role": "model", "parts": [{"text": "done"}]}
ANSWER = {"role": "user", "parts": [{"functionResponse": {"name": "x"}}]}


@pytest.mark.parametrize(
    ("contents", "wanted"),
    [
        ([USER, MODEL, ANSWER], "fix it\nplease"),
        ([MODEL, USER], "fix it\nplease"),
        (USER, "fix it\nplease"),
        ("only text", "only text"),
        ([{"parts": {"text": "one part"}}], "one part"),
        ([{"role": "user", "parts": ["bare"]}], "bare"),
    ],
)
def test_what_the_user_said(contents: Any, wanted: str) -> None:
    assert said("llm_call", {"gen_ai.request.model": "m", "gen_ai.input.messages": json.dumps(contents)})["user_input"] == wanted


@pytest.mark.parametrize(
    "value",
    ["", "null", "[]", "{}", "17", '[{"role":"user","parts":[{"te', '[[[{"parts":7}]]]', '[{"role":[],"parts":null}]', '[{"parts":[{"text":{}}]}]',
     "[" * 5000 + "]" * 5000, '{"args":' + "[" * 900 + "]" * 900 + ',"response":' + "[" * 900 + "]" * 900 + "}", '{"args":null,"response":""}'],
)  # fmt: skip
def test_hostile_values(value: str) -> None:
    for operation in ("llm_call", "tool_call", "agent_call"):
        row = said(operation, {"gen_ai.input.messages": value, "gen_ai.output.messages": value, "gen_ai.tool.call_id": value})
        assert row["dialect"] == "gemini_cli"
