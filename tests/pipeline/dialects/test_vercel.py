"""Vercel AI SDK: loops are agents, their calls are calls, messages in both of its generations."""

import json
from typing import Any

import pytest

from tests.pipeline.dialects.sdk_spans import attributes_of, one, recorded, survives

SCOPE = "ai"
CALL = "ai.generateText.doGenerate"


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ("ai.generateText", "directive"), ("ai.streamText", "directive"), ("ai.generateObject", "directive"), ("ai.streamObject", "directive"),
        (CALL, "llm_call"), ("ai.streamText.doStream", "llm_call"), ("ai.generateObject.doGenerate", "llm_call"), ("ai.streamObject.doStream", "llm_call"),
        ("ai.toolCall", "tool_call"), ("ai.embed.doEmbed", "llm_call"), ("ai.embedMany.doEmbed", "llm_call"), ("ai.embed", "script"),
        ("ai.rerank.doRerank", "script"), ("ai.unknown", "llm_call"),
    ],
)  # fmt: skip
def test_types(operation: str, wanted: str) -> None:
    """What is unknown and names a model is taken for a call."""
    said = {"ai.model.id": "m", "ai.usage.promptTokens": 3}
    assert one(SCOPE, "x", {"ai.operationId": operation, **said}).all[0]["type"] == wanted
    older = one(SCOPE, "x", {"operation.name": f"{operation} my.function", **said}).all[0]
    by_name = one(SCOPE, operation, said).all[0]
    assert (older["type"], by_name["type"], older["dialect"]) == (wanted, wanted, "vercel")


def test_columns_of_a_call() -> None:
    said = {
        "ai.operationId": CALL, "ai.model.id": "asked", "ai.response.model": "answered", "ai.model.provider": "anthropic.messages", "gen_ai.system": "x",
        "ai.usage.inputTokens": 100, "ai.usage.outputTokens": 20, "ai.usage.totalTokens": 120, "ai.usage.cachedInputTokens": 60,
        "ai.usage.inputTokenDetails.cacheWriteTokens": 5, "ai.usage.reasoningTokens": 7, "ai.response.finishReason": "stop",
        "ai.response.msToFirstChunk": 250.0, "ai.telemetry.functionId": "planner", "ai.telemetry.metadata.userId": "u",
        "ai.telemetry.metadata.threadId": "t",
    }  # fmt: skip
    row = one(SCOPE, CALL, said).all[0]
    wanted = {
        "request_model": "asked", "model": "answered", "provider": "anthropic", "input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 60,
        "cache_write_tokens": 5, "reasoning_tokens": 7, "finish_reason": "stop", "ttft_ms": 250.0, "agent_name": "planner", "user_id": "u",
        "thread_key": "t",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        ({"inputTokens": 100, "cachedInputTokens": 60, "outputTokens": 20, "totalTokens": 180}, 160),
        ({"inputTokens": 100, "cachedInputTokens": 60, "outputTokens": 20}, 100),
        ({"inputTokens": 3, "cachedInputTokens": 60, "outputTokens": 20}, 63),
        ({"tokens": 9}, 9), ({"promptTokens": "12"}, 12), ({"promptTokens": -1}, 0), ({"promptTokens": "NaN"}, 0), ({}, 0),
    ],
)  # fmt: skip
def test_cached_tokens_are_part_of_the_input(usage: dict[str, Any], wanted: int) -> None:
    said = {f"ai.usage.{name}": value for name, value in usage.items()}
    assert one(SCOPE, CALL, {"ai.operationId": CALL, **said}).all[0]["input_tokens"] == wanted


def test_a_tool() -> None:
    said = {
        "ai.operationId": "ai.toolCall", "ai.toolCall.name": "search", "ai.toolCall.id": "c1", "ai.toolCall.args": '{"q":1}', "ai.toolCall.result": "[2]",
    }  # fmt: skip
    row = one(SCOPE, "ai.toolCall", said).all[0]
    stored = dict(row["SpanAttributes"])
    assert (row["tool_name"], row["tool_call_id"]) == ("search", "c1")
    assert (stored["gen_ai.tool.call.arguments"], stored["gen_ai.tool.call.result"]) == ('{"q":1}', "[2]")


CALLED = [{"toolCallId": "c", "toolName": "t", "args": '{"a":1}'}]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"ai.prompt": '{"system":"s","prompt":"hi"}'}, [("system", "s"), ("user", "hi")]),
        ({"ai.prompt": "plain"}, [("user", "plain")]),
        ({"ai.prompt": '{"messages":[{"role":"user","content":"a"}]}', "ai.prompt.messages": '[{"role":"user","content":"b"}]'}, [("user", "b")]),
        ({"ai.prompt": '{"system":"s"}', "ai.prompt.messages": '[{"role":"system","content":"s"},{"role":"user","content":"b"}]'},
         [("system", "s"), ("user", "b")]),
        ({"ai.response.text": "ok", "ai.response.reasoning": "hm", "ai.response.finishReason": "stop"}, [("assistant", "<reasoning> ok")]),
        ({"ai.response.object": '{"x":1}'}, [("assistant", '{"x":1}')]),
        ({"ai.response.toolCalls": json.dumps(CALLED)}, [("assistant", 't({"a":1})')]),
        ({"ai.prompt.messages": json.dumps([{"role": "assistant", "content": [
            {"type": "text", "text": "so"}, {"type": "reasoning", "text": "hm"}, {"type": "tool-call", "toolCallId": "c", "toolName": "t", "input": {"a": 1}},
            {"type": "image", "image": "data:"}, {"type": "image", "image": "https://example.com/x"}]}])},
         [("assistant", 'so <reasoning> t({"a":1}) <image> <uri>')]),
        ({"ai.prompt.messages": json.dumps([{"role": "tool", "content": [
            {"type": "tool-result", "toolCallId": "c", "toolName": "t", "output": {"type": "json", "value": [1]}}]}])},
         [("tool", "=[1]")]),
    ],
)  # fmt: skip
def test_messages(said: dict[str, str], wanted: list[tuple[str, str]]) -> None:
    assert one(SCOPE, CALL, {"ai.operationId": CALL, **said}).messages() == wanted


def test_what_the_sender_says_in_our_words_stands() -> None:
    said = {
        "ai.operationId": CALL,
        "gen_ai.usage.input_tokens": 5,
        "ai.usage.inputTokens": 9,
        "gen_ai.input.messages": "[]",
        "ai.prompt": "x",
    }
    rows = one(SCOPE, CALL, said)
    assert (rows.all[0]["input_tokens"], rows.messages()) == (5, [])


def test_other_scopes_that_begin_alike_are_not_taken() -> None:
    assert one("aiohttp", "GET", {"http.method": "GET"}).all[0]["dialect"] == "otel"


def test_hostile_values() -> None:
    names = ("operationId", "model.provider", "prompt", "prompt.messages", "response.text", "response.toolCalls", "response.msToFirstChunk",
             "usage.inputTokens", "usage.cachedInputTokens", "usage.totalTokens", "toolCall.name")  # fmt: skip
    survives(SCOPE, ("x", CALL, "ai.toolCall "), [f"ai.{name}" for name in names])
    many = json.dumps([{"role": "user", "content": "x"}] * 20_000)
    assert len(one(SCOPE, CALL, {"ai.prompt.messages": many}).messages()) == 10_000
    assert "gen_ai.tool.name" not in attributes_of(SCOPE, "ai.toolCall ", {"ai.model.id": "m"})


def test_a_recorded_turn() -> None:
    rows = recorded("vercel-ai/agent-turn.otlp.json")
    assert rows.columns("SpanName type status tool_name model input_tokens output_tokens dialect") == [
        ("TravelPlanner", "span", "complete", "", "", 0, 0, "otel"),
        ("ai.generateText", "directive", "complete", "", "", 0, 0, "vercel"),
        (CALL, "llm_call", "complete", "", "gpt-4o-2024-05-13", 800, 50, "vercel"),
        ("ai.toolCall get_weather", "tool_call", "complete", "get_weather", "", 0, 0, "vercel"),
        ("ai.streamText", "directive", "complete", "", "", 0, 0, "vercel"),
        ("ai.streamText.doStream", "llm_call", "complete", "", "gpt-4o-2024-05-13", 1200, 120, "vercel"),
        ("ai.toolCall book_hotel", "tool_call", "error", "book_hotel", "", 0, 0, "vercel"),
        ("ai.toolCall search_attractions", "tool_call", "complete", "search_attractions", "", 0, 0, "vercel"),
        ("ai.generateText", "directive", "complete", "", "", 0, 0, "vercel"),
        (CALL, "llm_call", "complete", "", "gpt-4o-2024-05-13", 1500, 300, "vercel"),
    ]
    assert rows.named("TravelPlanner")["thread_key"] == "thread-vercel-789"
    asked = "Plan a trip to Barcelona. Here is a photo of the area I want to stay in:"
    assert rows.named("ai.generateText")["user_input"] == asked
    assert [said for said in rows.messages() if said[0] != "system"] == [
        ("user", f"{asked} <uri>"),
        ("assistant", 'Let me check the weather for you. get_weather({"city":"Barcelona"})'),
        ("tool", '={"condition":"sunny","temp":22}'),
        ("assistant", 'book_hotel({"checkin":"2026-04-01","city":"Barcelona"}) search_attractions({"city":"Barcelona"})'),
        ("tool", '="BookingUnavailableError: No rooms available"'),
        ("tool", '={"attractions":["Sagrada Familia","Park Güell","La Rambla"]}'),
        (
            "assistant",
            "Based on the weather (22°C, sunny), I found several attractions. Unfortunately the hotel booking failed, but here are your options...",
        ),
    ]


def test_a_recorded_tool() -> None:
    rows = recorded("vercel-ai/map-vercel-ai-sdk-toolcall-to-tool-create.otlp.json")
    assert rows.columns("type tool_name tool_call_id") == [("tool_call", "myTool", "call_abc123")]
