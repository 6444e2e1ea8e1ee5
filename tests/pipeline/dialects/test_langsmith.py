"""LangSmith's export: runs of chains, models and tools with whole JSON as inputs and outputs. No recording exists; the spans are made by hand."""

import json
from typing import Any

import pytest

from pipeline.dialects.langgraph import is_pause, tool_call_id
from pipeline.dialects.langsmith import LANGSMITH
from tests.pipeline.dialects.framework_spans import HOSTILE, Mapped, added, text
from tests.pipeline.otlp_messages import resource, span, span_request

KIND = "langsmith.span.kind"
OPERATION = "gen_ai.operation.name"
HUMAN = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "schema", "messages", "HumanMessage"],
    "kwargs": {"content": "where?", "type": "human"},
}
ANSWER = {
    "lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
    "kwargs": {"content": "", "type": "ai", "tool_calls": [{"name": "lookup", "args": {"id": 1}, "id": "c", "type": "tool_call"}]},
}  # fmt: skip
ANSWERED = json.dumps(
    {"generations": [[{"text": "", "generation_info": {"finish_reason": "tool_calls"}, "message": ANSWER}]], "llm_output": None}
)
TOOL_ANSWER = json.dumps({"output": {"lc": 1, "kwargs": {"content": "here", "type": "tool", "tool_call_id": "c"}}})
RUN = {"langsmith.metadata.thread_id": "t", "langsmith.metadata.user_id": "u", "langsmith.trace.session_name": "a project"}
ROOT = {**RUN, KIND: "chain", OPERATION: "chain", "gen_ai.prompt": json.dumps({"messages": [["user", "where?"]]})}
NODE = {
    **RUN,
    KIND: "chain",
    OPERATION: "chain",
    "langsmith.span.parent_id": "r",
    "gen_ai.prompt": json.dumps({"messages": [["user", "where?"]]}),
}
CALL = {
    **RUN, KIND: "llm", OPERATION: "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 412,
    "gen_ai.usage.output_tokens": 27, "gen_ai.usage.total_tokens": 439, "gen_ai.usage.input_token_details": '{"cache_read": 256, "cache_creation": 4}',
    "gen_ai.usage.output_token_details": '{"reasoning": 8}', "gen_ai.prompt": json.dumps({"messages": [[HUMAN]]}), "gen_ai.completion": ANSWERED,
}  # fmt: skip
TOOL = {
    **RUN, KIND: "tool", OPERATION: "execute_tool", "gen_ai.serialized.name": "lookup", "gen_ai.prompt": '{"input": "1"}',
    "gen_ai.completion": TOOL_ANSWER,
}  # fmt: skip


def mapped() -> Mapped:
    runs: tuple[tuple[str, dict[str, Any], int], ...] = (
        ("graph", ROOT, 0),
        ("agent", NODE, 1),
        ("ChatOpenAI", CALL, 2),
        ("lookup", TOOL, 2),
    )
    request = span_request(
        [span(number, name, (number, 9), said, parent) for number, (name, said, parent) in enumerate(runs, 1)], resource()
    )
    request.resource_spans[0].scope_spans[0].scope.name = "langsmith"
    return Mapped(request)


def test_a_turn() -> None:
    turn = mapped()
    assert {(one["thread_key"], one["user_id"], one["dialect"]) for one in turn.spans} == {("t", "u", "langsmith")}
    columns = (
        "type",
        "tool_name",
        "tool_call_id",
        "model",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
    )
    assert turn.columns(*columns) == [
        ("graph", "directive", "", "", "", 0, 0, 0, 0, 0),
        ("agent", "script", "", "", "", 0, 0, 0, 0, 0),
        ("ChatOpenAI", "llm_call", "", "", "m", 412, 27, 256, 4, 8),
        ("lookup", "tool_call", "lookup", "c", "", 0, 0, 0, 0, 0),
    ]
    assert [one["user_input"] for one in turn.spans] == ["where?", "", "where?", ""]
    (said,) = turn.messages.values()
    assert said == [("input", "user", "where?"), ("output", "assistant", 'lookup({"id": 1})')]
    tool = turn.spans[3]["SpanAttributes"]
    assert (tool["gen_ai.tool.call.arguments"], tool["gen_ai.tool.call.result"]) == ('{"input": "1"}', TOOL_ANSWER)


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("llm", "chat"),
        ("tool", "execute_tool"),
        ("retriever", "retrieval"),
        ("embedding", "embeddings"),
        ("prompt", "execute_task"),
        ("x", None),
    ],
)
def test_kinds_where_no_operation_is_said(kind: str, operation: str | None) -> None:
    assert added(LANGSMITH, {KIND: kind}).get(OPERATION) == operation


def test_names() -> None:
    metadata = {"ls_model_name": "m", "ls_provider": "openai", "lc_agent_name": "a", "user_id": "u"}
    assert added(LANGSMITH, {"langsmith.metadata." + name: value for name, value in metadata.items()}) == {
        "gen_ai.request.model": "m", "gen_ai.provider.name": "openai", "gen_ai.agent.name": "a", "user.id": "u",
    }  # fmt: skip


def test_messages_of_wrapped_clients() -> None:
    asked = json.dumps({"messages": [{"role": "user", "content": "hi"}], "model": "m"})
    answered = json.dumps({"choices": [{"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]})
    found = added(LANGSMITH, {KIND: "llm", "gen_ai.prompt": asked, "gen_ai.completion": answered})
    assert found["gen_ai.input.messages"] == [text("user", "hi")]
    assert found["gen_ai.output.messages"] == [{**text("assistant", "yes"), "finish_reason": "stop"}]
    assert added(LANGSMITH, {KIND: "llm", "gen_ai.prompt": '{"x": 1}'})["gen_ai.input.messages"] == [text("user", '{"x": 1}')]


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        ("GraphInterrupt", True), ("langgraph.errors.GraphInterrupt", True), ("GraphInterrupt((Interrupt(value={'question': 'ok?'}),))", True),
        ("langgraph.errors.NodeInterrupt", True), ("ValueError('GraphInterrupt')", False), ("", False),
    ],
)  # fmt: skip
def test_pauses(error: str, pause: bool) -> None:
    assert is_pause(error) is pause
    assert (added(LANGSMITH, {"error.type": error}).get("mission_control.step.status") == "paused") is pause


@pytest.mark.parametrize(
    ("output", "call"),
    [(TOOL_ANSWER, "c"), ('{"tool_call_id": "c"}', "c"), ('["tool_call_id"]', ""), ('{"x": "tool_call_id"}', ""), ("here", "")],
)
def test_ids_of_tool_calls(output: str, call: str) -> None:
    assert tool_call_id(output) == call
    assert tool_call_id('{"data":' * 9 + '{"tool_call_id": "deep"}' + "}" * 9) == ""


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(value: str) -> None:
    names: Any = (
        "gen_ai.prompt", "gen_ai.completion", "gen_ai.usage.input_token_details", "gen_ai.usage.output_token_details", "error.type",
        "gen_ai.serialized.name", "langsmith.metadata.thread_id",
    )  # fmt: skip
    for kind in ("llm", "tool", "chain", value):
        for name in names:
            added(LANGSMITH, {KIND: kind, name: value})
        added(LANGSMITH, {KIND: kind, **dict.fromkeys(names, value)})
