"""Mastra: generations are the calls, steps inside are none, whichever exporter wrote the operation."""

import json
from typing import Any

import pytest

from tests.pipeline.dialects.sdk_spans import one, survives

SCOPE = "@mastra/otel-exporter"
TYPE = "mastra.span.type"


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("kind", "operation", "wanted"),
    [
        ("agent_run", "invoke_agent", "directive"), ("workflow_run", "invoke_workflow", "directive"), ("model_generation", "chat", "llm_call"),
        ("model_step", "model_step", "script"), ("model_inference", "model_inference", "script"), ("workflow_step", "workflow_step", "script"),
        ("tool_call", "execute_tool", "tool_call"), ("mcp_tool_call", "execute_tool", "tool_call"), ("rag_embedding", "embeddings", "llm_call"),
        ("model_chunk", "model_chunk", "span"), ("generic", "generic", "span"),
    ],
)  # fmt: skip
def test_types(kind: str, operation: str, wanted: str, said: bool) -> None:
    attributes = {TYPE: kind, "gen_ai.usage.input_tokens": 5} | ({"gen_ai.operation.name": operation} if said else {})
    assert one("any", "x", attributes).columns("type dialect") == [(wanted, "mastra")]


def test_columns() -> None:
    said = {
        TYPE: "model_generation", "mastra.metadata.threadId": "t", "mastra.metadata.userId": "u", "gen_ai.usage.reasoning_tokens": 3,
        "gen_ai.usage.cached_input_tokens": 4,
    }  # fmt: skip
    assert one(SCOPE, "x", said).columns("thread_key user_id reasoning_tokens cache_read_tokens") == [("t", "u", 3, 4)]


def test_tools() -> None:
    said = {
        TYPE: "mcp_tool_call",
        "server.address": "files",
        **{f"mastra.mcp_tool_call.{name}": name for name in ("toolId", "toolCallId", "input", "output")},
    }
    row = one(SCOPE, "x", said).all[0]
    stored = dict(row["SpanAttributes"])
    assert (row["tool_name"], row["tool_call_id"], row["mcp_id"]) == ("toolId", "toolCallId", "files")
    assert (stored["gen_ai.tool.call.arguments"], stored["gen_ai.tool.call.result"]) == ("input", "output")
    assert one(SCOPE, "x", {TYPE: "tool_call", "server.address": "files"}).columns("type mcp_id") == [("tool_call", "")]


@pytest.mark.parametrize(
    ("given", "answer", "wanted"),
    [
        ("hi", {"text": "4", "toolCalls": [{"toolCallId": "c", "toolName": "t", "args": {"a": 1}}]}, [("user", "hi"), ("assistant", '4 t({"a":1})')]),
        (["a", {"role": "system", "content": "s"}], {"object": {"x": 1}}, [("user", "a"), ("system", "s"), ("assistant", '{"x":1}')]),
        ({"messages": [{"role": "user", "content": "u"}]}, {"role": "assistant", "content": "c"}, [("user", "u"), ("assistant", "c")]),
        ("7", "plain", [("user", "7"), ("assistant", "plain")]), ("", {}, []),
    ],
)  # fmt: skip
def test_messages_of_a_run(given: Any, answer: Any, wanted: list[tuple[str, str]]) -> None:
    texts = [value if isinstance(value, str) else json.dumps(value) for value in (given, answer)]
    said = {TYPE: "agent_run", "mastra.agent_run.input": texts[0], "mastra.agent_run.output": texts[1]}
    assert one(SCOPE, "x", said).messages() == wanted


def test_hostile_values() -> None:
    survives(SCOPE, ("x",), [TYPE, "mastra.metadata.threadId"])
    for value in (
        "[" * 500,
        "[[]]",
        "null",
        '{"text":[]}',
        '{"text":{},"toolCalls":{}}',
        '{"toolCalls":[null,{"toolName":[]}]}',
        "{" + '"a":{' * 300,
    ):
        said = {TYPE: "agent_run", "mastra.agent_run.input": value, "mastra.agent_run.output": value}
        assert one(SCOPE, "x", said).all[0]["type"] == "directive"
