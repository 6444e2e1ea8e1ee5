"""OpenInference: kinds, messages with their place in the name, tools, tokens, threads in metadata."""

import json
from typing import Any

import pytest

from pipeline.dialects.openinference import OPENINFERENCE
from tests.pipeline.dialects.framework_spans import HOSTILE, PAYLOADS, added, recorded, text

needs_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not here")
KIND = "openinference.span.kind"
OPERATION = "gen_ai.operation.name"
ORDER = 'lookup_order({"order_id": "A-1187"})'


def said(kind: str, name: str = "span", /, **attributes: Any) -> dict[str, Any]:
    """What a span of this kind comes to; `__` stands for a dot."""
    return added(OPENINFERENCE, {KIND: kind, **{key.replace("__", "."): value for key, value in attributes.items()}}, name)


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("LLM", "chat"), ("EMBEDDING", "embeddings"), ("AGENT", "invoke_agent"), ("TOOL", "execute_tool"), ("RETRIEVER", "retrieval"),
        ("RERANKER", "rerank"), ("CHAIN", "agent_step"), ("GUARDRAIL", "execute_task"), ("EVALUATOR", "execute_task"), ("PROMPT", "execute_task"),
        ("llm", "chat"), ("DECISION", None), ("UNKNOWN", None), ("", None),
    ],
)  # fmt: skip
def test_kinds(kind: str, operation: str | None) -> None:
    assert said(kind).get(OPERATION) == operation


def test_names() -> None:
    given = {
        "llm.provider": "azure", "llm.system": "openai", "llm.model_name": "m-1", "llm.token_count.completion": "5", "llm.token_count.prompt": "9",
        "llm.token_count.prompt_details.cache_read": "2", "llm.token_count.prompt_details.cache_write": "1",
        "llm.token_count.completion_details.reasoning": "3", "llm.finish_reason": "stop", "llm.cost.total": "0.5", "prompt.id": "p",
        "llm.invocation_parameters": '{"model": "m"}',
    }  # fmt: skip
    assert added(OPENINFERENCE, {KIND: "LLM", **given}) == {
        OPERATION: "chat", "gen_ai.provider.name": "azure", "gen_ai.response.model": "m-1", "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": "9", "gen_ai.usage.output_tokens": "5", "gen_ai.usage.cache_read.input_tokens": "2",
        "gen_ai.usage.cache_creation.input_tokens": "1", "gen_ai.usage.reasoning.output_tokens": "3", "gen_ai.response.finish_reasons": "stop",
        "mission_control.cost_usd": "0.5", "gen_ai.prompt.name": "p",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ({"prompt": "100", "completion": "10"}, "100"),
        ({"prompt": "100", "completion": "10", "prompt_details.cache_read": "60"}, "100"),
        ({"prompt": "100", "completion": "10", "total": "110", "prompt_details.cache_read": "60"}, "100"),
        ({"prompt": "100", "completion": "10", "total": "170", "prompt_details.cache_read": "60"}, "160"),
        ({"prompt": "3", "completion": "10", "prompt_details.cache_read": "60", "prompt_details.cache_write": "7"}, "70"),
        ({"prompt": "x", "total": "5"}, None),
    ],
)
def test_input_tokens_are_the_total(counts: dict[str, str], total: str | None) -> None:
    attributes = {KIND: "LLM", **{"llm.token_count." + name: count for name, count in counts.items()}}
    assert added(OPENINFERENCE, attributes).get("gen_ai.usage.input_tokens") == total


def test_cost_in_parts() -> None:
    assert said("LLM", llm__cost__prompt="0.25", llm__cost__completion="0.5")["mission_control.cost_usd"] == "0.75"
    assert "mission_control.cost_usd" not in said("LLM", llm__cost__prompt="dear")


@pytest.mark.parametrize(
    ("metadata", "more", "thread"),
    [
        ({"thread_id": "t", "conversation_id": "c"}, {"session.id": "s"}, "t"),
        ({"conversation_id": "c"}, {}, "c"),
        ({"thread_id": 7}, {}, "7"),
        ({"thread_id": "t"}, {"conversation.id": "better"}, None),
        ({"thread_id": ["t"]}, {}, None),
        (["thread_id"], {}, None),
    ],
)
def test_threads(metadata: Any, more: dict[str, str], thread: str | None) -> None:
    assert added(OPENINFERENCE, {KIND: "CHAIN", "metadata": json.dumps(metadata), **more}).get("gen_ai.conversation.id") == thread


def test_graphs() -> None:
    graph = {"ls_integration": "langgraph", "user_id": "u"}
    assert said("CHAIN", metadata=json.dumps(graph)) == {OPERATION: "invoke_workflow", "user.id": "u"}
    assert said("CHAIN", metadata=json.dumps({**graph, "langgraph_node": "n"}))[OPERATION] == "agent_step"


def test_what_a_person_asked_an_agent() -> None:
    state = {"messages": [{"type": "human", "data": {"content": "first", "type": "human"}}, {"type": "ai", "data": {"content": "yes?"}}]}
    assert said("AGENT", "planner", input__value=json.dumps(state)) == {
        OPERATION: "invoke_agent", "gen_ai.agent.name": "planner", "mission_control.user_input": "first",
    }  # fmt: skip
    assert said("AGENT", "x", agent__name="named", input__value="do it")["mission_control.user_input"] == "do it"
    assert "mission_control.user_input" not in said("AGENT", "x", input__value='{"resume": true}')


def test_messages_with_places() -> None:
    asked, answered = "llm.input_messages.", "llm.output_messages."
    given = {
        asked + "10.message.role": "user", asked + "10.message.content": "last", asked + "10000.message.content": "too far",
        asked + "2.message.role": "tool", asked + "2.message.tool_call_id": "c1", asked + "2.message.name": "f", asked + "2.message.content": "42",
        asked + "1.message.role": "user", asked + "1.message.contents.0.message_content.type": "text",
        asked + "1.message.contents.0.message_content.text": "look", asked + "1.message.content": "look",
        asked + "1.message.contents.1.message_content.image.image.url": "http://x/y.png", asked + "1.message.contents.2": "odd",
        asked + "x.message.role": "user", asked + "3": "leaf", asked + "4.message": "leaf", asked + "4.message.role": "lost",
        answered + "0.message.tool_calls.0.tool_call.id": "c2", answered + "0.message.tool_calls.0.tool_call.function.name": "f",
        answered + "0.message.tool_calls.0.tool_call.function.arguments": '{"a":1}', answered + "1.message.content": "done",
        answered + "2.message.function_call_name": "g", answered + "2.message.function_call_arguments_json": "not json",
        "llm.finish_reason": "stop",
    }  # fmt: skip
    found = added(OPENINFERENCE, {KIND: "LLM", **given})
    assert found["gen_ai.input.messages"] == [
        {"role": "user", "parts": [{"type": "text", "content": "look"}, {"type": "uri", "modality": "image", "uri": "http://x/y.png"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "f", "response": "42"}]},
        text("user", "last"),
    ]
    assert found["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c2", "name": "f", "arguments": {"a": 1}}], "finish_reason": "stop"},
        {**text("assistant", "done"), "finish_reason": "stop"},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "g", "arguments": "not json"}], "finish_reason": "stop"},
    ]


def test_messages_without_a_kind_are_a_call() -> None:
    found = added(OPENINFERENCE, {"llm.input_messages.0.message.content": "hi"})
    assert (found[OPERATION], found["gen_ai.input.messages"]) == ("chat", [text("user", "hi")])


def test_chains_have_no_messages() -> None:
    assert said("CHAIN", llm__input_messages__0__message__content="state", input__value="x") == {OPERATION: "agent_step"}


@pytest.mark.parametrize(
    ("asked", "messages"),
    [
        ("plain", [text("user", "plain")]),
        ('{"unknown": 1}', [text("user", '{"unknown": 1}')]),
        ('{"model": "m", "messages": [{"role": "system", "content": "be"}, {"role": "user", "content": "hi"}]}', [text("system", "be"), text("user", "hi")]),
        ('{"system": "be", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}', [text("system", "be"), text("user", "hi")]),
        ('[{"role": "user", "content": "hi"}]', [text("user", "hi")]),
        ('{"messages": [["system", "be"], ["human", "hi"]]}', [text("system", "be"), text("user", "hi")]),
        ('{"instructions": "be", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}', [text("system", "be"), text("user", "hi")]),
        (
            '[{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "1"}]',
            [
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "1"}]},
            ],
        ),
        (
            '[{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}],'
            ' "tool_calls": [{"id": "c", "name": "f", "args": {"a": 1}}, {"id": "d", "name": "g", "args": {}}]}]',
            [{"role": "assistant", "parts": [
                {"type": "reasoning", "content": "hm"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
                {"type": "tool_call", "id": "d", "name": "g", "arguments": {}},
            ]}],
        ),
        (
            '[{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "1"}, {"type": "image_url", "image_url": {"url": "u"}},'
            ' {"type": "audio", "x": 1}, "bare", 5]}, {"role": "user", "content": {"text": "lone"}}]',
            [
                {"role": "user", "parts": [
                    {"type": "tool_call_response", "id": "c", "response": "1"}, {"type": "uri", "modality": "image", "uri": "u"}, {"type": "audio", "x": 1},
                    {"type": "text", "content": "bare"}, {"type": "json", "content": 5},
                ]},
                text("user", "lone"),
            ],
        ),
    ],
)  # fmt: skip
def test_whole_inputs(asked: str, messages: Any) -> None:
    assert said("LLM", input__value=asked)["gen_ai.input.messages"] == messages


@pytest.mark.parametrize(
    ("answered", "messages"),
    [
        ('{"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}]}', [{**text("assistant", "yes"), "finish_reason": "stop"}]),
        (
            '{"generations": [[{"text": "yes", "generation_info": {"finish_reason": "stop"}, "message": {"lc": 1, "type": "constructor",'
            ' "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"content": "yes", "additional_kwargs": {}}}}]]}',
            [{**text("assistant", "yes"), "finish_reason": "stop"}],
        ),
        (
            '{"role": "assistant", "type": "message", "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn"}',
            [{**text("assistant", "yes"), "finish_reason": "end_turn"}],
        ),
        ('{"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}]}', [text("assistant", "yes")]),
        ('{"lc": 1, "id": 5, "kwargs": {"role": "assistant", "content": "yes", "function_call": {"name": "f"}}}',
         [{"role": "assistant", "parts": [{"type": "text", "content": "yes"}, {"type": "tool_call", "name": "f"}]}]),
        ('{"message": {}}', [text("assistant", '{"message": {}}')]),
    ],
)  # fmt: skip
def test_whole_outputs(answered: str, messages: Any) -> None:
    assert said("LLM", output__value=answered)["gen_ai.output.messages"] == messages


def test_tools() -> None:
    output = '{"type": "tool", "data": {"content": "1", "tool_call_id": "c"}}'
    assert said("TOOL", "lookup", input__value="{}", output__value=output, tool__parameters='{"type": "object"}') == {
        OPERATION: "execute_tool", "gen_ai.tool.name": "lookup", "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": output,
        "gen_ai.tool.call.id": "c",
    }  # fmt: skip
    assert said("TOOL", "x", tool__name="named", tool__id="t") == {
        OPERATION: "execute_tool", "gen_ai.tool.name": "named", "gen_ai.tool.call.id": "t",
    }  # fmt: skip


def test_a_pause_is_no_error() -> None:
    assert said("CHAIN", error__type="langgraph.errors.GraphInterrupt")["mission_control.step.status"] == "paused"
    assert "mission_control.step.status" not in said("CHAIN", error__type="ValueError")


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(value: str) -> None:
    names = (
        "input.value", "output.value", "metadata", "llm.invocation_parameters", "llm.token_count.prompt", "llm.cost.prompt", "error.type",
        "llm.input_messages." + "0." * 3_000, "llm.input_messages.0.message.content", "llm.input_messages.99999999999999.message.content",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments", "llm.output_messages.0.message", "llm.input_messages.",
    )  # fmt: skip
    for kind in ("LLM", "TOOL", "AGENT", "CHAIN", value):
        for name in names:
            added(OPENINFERENCE, {KIND: kind, name: value})
        added(OPENINFERENCE, {KIND: kind, **dict.fromkeys(names, value)})


@needs_payloads
def test_recorded_openai() -> None:
    mapped = recorded("openinference/openai-0.1.66.otlp.json")
    call = (
        "ChatCompletion",
        "llm_call",
        "sess-1",
        "user-1",
        "openai",
        "gpt-4o-mini-2024-07-18",
        "gpt-4o-mini",
        412,
        27,
        256,
        8,
        "openinference",
    )
    rows = mapped.columns(
        "type", "thread_key", "user_id", "provider", "model", "request_model", "input_tokens", "output_tokens", "cache_read_tokens",
        "reasoning_tokens", "dialect",
    )  # fmt: skip
    assert rows[:2] == [call, call]
    assert [(span["status"], span["finish_reason"]) for span in mapped.spans] == [
        ("complete", "tool_calls"),
        ("complete", "stop"),
        ("error", ""),
    ]
    asked = [("input", "system", "You are a support agent."), ("input", "user", "Where is order A-1187?")]
    calls = ("assistant", ORDER)
    first, second = (mapped.messages[span["SpanId"]] for span in mapped.spans[:2])
    assert first == [*asked, ("output", *calls)]
    # one session: what its first call sent and got is not said again
    assert second == [("input", "tool", 'call_9Rt: {"status":"shipped"}'), ("output", "assistant", "Order A-1187 has shipped.")]


@needs_payloads
def test_recorded_turn_of_an_agent() -> None:
    mapped = recorded("openinference/agent-turn.otlp.json")
    assert mapped.columns(
        "type", "tool_name", "agent_name", "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "status"
    ) == [
        ("TravelPlanner", "directive", "", "TravelPlanner", 0, 0, 0, 0, "complete"),
        ("chat gpt-4o", "llm_call", "", "", 800, 50, 600, 0, "complete"),
        ("get_weather", "tool_call", "get_weather", "", 0, 0, 0, 0, "complete"),
        ("chat gpt-4o", "llm_call", "", "", 1200, 120, 0, 40, "complete"),
        ("book_hotel", "tool_call", "book_hotel", "", 0, 0, 0, 0, "error"),
        ("search_attractions", "tool_call", "search_attractions", "", 0, 0, 0, 0, "complete"),
        ("chat gpt-4o", "llm_call", "", "", 1500, 300, 0, 0, "complete"),
    ]
    first = mapped.spans[1]
    assert (first["cost_usd"], first["thread_key"], first["user_input"]) == (
        0.0025,
        "session-travel-123",
        "Plan a trip to Barcelona. Here is a photo of the area I want to stay in:",
    )
    assert [role for _, role, _ in mapped.messages[first["SpanId"]]] == ["system", "user", "assistant"]
    assert mapped.messages[first["SpanId"]][1][2].endswith("https://example.com/destination.jpg")
    assert mapped.messages[first["SpanId"]][2][2] == 'Let me check the weather for you. get_weather({"city": "Barcelona"})'
    tool = mapped.spans[2]["SpanAttributes"]
    assert (tool["gen_ai.tool.call.arguments"], tool["gen_ai.tool.call.result"]) == (
        '{"city":"Barcelona"}',
        '{"temp":22,"condition":"sunny"}',
    )


@needs_payloads
def test_recorded_call_without_a_kind() -> None:
    mapped = recorded("openinference/map-llm-input-messages-and-llm-output-messages-to-input-output-.otlp.json")
    assert mapped.columns("type") == [("llm-call", "llm_call")]
    assert [role for _, role, _ in next(iter(mapped.messages.values()))] == ["system", "user", "assistant"]


@needs_payloads
def test_recorded_graph() -> None:
    mapped = recorded("langgraph/openinference-interrupt-resume.otlp.json")
    assert {(span["thread_key"], span["user_id"], span["dialect"]) for span in mapped.spans} == {("thread-42", "user-1", "openinference")}
    types = dict(mapped.columns("type"))
    assert types == {
        "GenericFakeChatModel": "llm_call", "agent": "directive", "agent2": "directive", "approve": "script", "support_graph": "directive",
        "lookup_order": "tool_call", "tools": "script",
    }  # fmt: skip
    assert {span["SpanId"]: span["status"] for span in mapped.spans}["9331a0ab460b496f"] == "paused"  # approve, while a person is asked
    calls = [span for span in mapped.spans if span["type"] == "llm_call"]
    assert [(span["input_tokens"], span["output_tokens"]) for span in calls] == [(412, 27), (460, 9)]
    assert mapped.messages[calls[0]["SpanId"]][-1] == ("output", "assistant", ORDER)
    assert mapped.messages[calls[1]["SpanId"]][-1] == ("output", "assistant", "Order A-1187 has shipped.")
    (tool,) = (span for span in mapped.spans if span["type"] == "tool_call")
    assert (tool["tool_name"], tool["tool_call_id"], tool["SpanAttributes"]["gen_ai.tool.call.arguments"]) == (
        "lookup_order",
        "call_1",
        "A-1187",
    )
    graphs = [span for span in mapped.spans if span["SpanName"] == "support_graph"]
    assert [span["user_input"] for span in graphs] == ["Where is order A-1187?", ""]
    assert len({span["TraceId"] for span in graphs}) == 2


@needs_payloads
def test_recorded_openai_agents() -> None:
    mapped = recorded("openai-agents/openinference.otlp.json")
    assert mapped.columns("type", "agent_name", "tool_name", "input_tokens") == [
        ("response", "llm_call", "", "", 412),
        ("lookup_order", "tool_call", "", "lookup_order", 0),
        ("turn", "script", "", "", 0),
        ("response", "llm_call", "", "", 412),
        ("turn", "script", "", "", 0),
        ("support", "directive", "support", "", 0),
        ("Support", "script", "", "", 0),
        ("Support", "directive", "Support", "", 0),
    ]
    last = mapped.messages[mapped.spans[3]["SpanId"]]
    assert ("input", "tool", "call_9Rt: shipped") in last
    assert last[-1] == ("output", "assistant", "Order A-1187 has shipped.")
