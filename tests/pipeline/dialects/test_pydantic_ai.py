"""Pydantic-AI: names of all its formats, runs with all their messages, calls that wait."""

import json

import pytest

from tests.pipeline.dialects.sdk_spans import attributes_of, one, recorded, survives

SCOPE = "pydantic-ai"
RUN = [
    {"role": "user", "parts": [{"type": "text", "content": "before"}]}, {"role": "assistant", "parts": [{"type": "text", "content": "old"}]},
    {"role": "user", "parts": [{"type": "text", "content": "now"}]}, {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "t", "arguments": {}}]},
    {"role": "user", "parts": [{"type": "tool_call_response", "id": "c", "name": "t", "result": 4}]}, {"role": "assistant", "parts": [{"type": "text", "content": "new"}]},
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said", "wanted"),
    [
        ("agent run", {"agent_name": "a"}, ("directive", "a", "")), ("agent run", {}, ("directive", "", "")),
        ("planner run", {"agent_name": "planner"}, ("directive", "planner", "")),
        ("planner run", {}, ("span", "", "")), ("invoke_agent a", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}, ("directive", "a", "")),
        ("running tool", {"gen_ai.tool.name": "t"}, ("tool_call", "", "t")), ("running tool: t", {}, ("tool_call", "", "t")), ("running tool", {}, ("tool_call", "", "")),
        ("running output function: f", {}, ("tool_call", "", "")), ("execute_tool t", {}, ("tool_call", "", "")), ("running 2 tools", {}, ("script", "", "")),
        ("running 1 tool", {}, ("script", "", "")), ("chat m", {"gen_ai.operation.name": "chat"}, ("llm_call", "", "")),
        ("running late", {}, ("span", "", "")),
    ],
)  # fmt: skip
def test_types_and_names(name: str, said: dict[str, str], wanted: tuple[str, str, str]) -> None:
    assert one(SCOPE, name, said).columns("type agent_name tool_name") == [wanted]


def test_columns_of_a_run() -> None:
    said = {
        "agent_name": "a", "model_name": "m", "operation.cost": 0.5, "gen_ai.aggregated_usage.input_tokens": 100, "gen_ai.aggregated_usage.output_tokens": 9,
        "gen_ai.aggregated_usage.cache_read.input_tokens": 40, "gen_ai.usage.details.reasoning_tokens": 3, "gen_ai.conversation.id": "c",
    }  # fmt: skip
    row = one(SCOPE, "agent run", said).all[0]
    wanted = {
        "type": "directive", "model": "m", "cost_usd": 0.5, "input_tokens": 100, "output_tokens": 9, "cache_read_tokens": 40, "reasoning_tokens": 3,
        "thread_key": "c", "dialect": "pydantic-ai",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_an_old_tool() -> None:
    stored = attributes_of(SCOPE, "running tool", {"gen_ai.tool.name": "t", "tool_arguments": '{"a":1}', "tool_response": "r"})
    assert (stored["gen_ai.tool.call.arguments"], stored["gen_ai.tool.call.result"]) == ('{"a":1}', "r")


@pytest.mark.parametrize("reason", ["ApprovalRequired", "CallDeferred"])
def test_a_call_that_waits_is_no_error(reason: str) -> None:
    said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", "pydantic_ai.tool.deferral.name": reason}
    assert one(SCOPE, "execute_tool t", said).columns("type status error_type") == [("tool_call", "paused", "")]


@pytest.mark.parametrize(("new", "given"), [(2, ["before", "old", "now"]), (0, ["before"]), (99, None), (-1, ["before"])])
def test_all_messages_of_a_run(new: int, given: list[str] | None) -> None:
    """What was there before the run is its input, however long the conversation."""
    said = {"pydantic_ai.all_messages": json.dumps(RUN), "pydantic_ai.new_message_index": new}
    rows = one(SCOPE, "agent run", said)
    everything = [("user", "before"), ("assistant", "old"), ("user", "now"), ("assistant", "t({})"), ("user", "=4"), ("assistant", "new")]
    assert rows.messages() == everything
    assert [text for _, text in rows.messages("input")] == (given or [text for _, text in everything])


def test_a_result_without_messages() -> None:
    assert one(SCOPE, "agent run", {"final_result": "done"}).messages("output") == [("assistant", "done")]


def test_messages_as_events() -> None:
    events = [
        {"event.name": "gen_ai.system.message", "role": "system", "content": "s", "gen_ai.message.index": 0},
        {"event.name": "gen_ai.user.message", "role": "user", "content": "u"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "t", "arguments": {}}}]}},
        7,
    ]  # fmt: skip
    wanted = [("system", "s"), ("user", "u"), ("assistant", "t({})")]
    assert one(SCOPE, "chat m", {"events": json.dumps(events)}).messages() == wanted
    assert one("any", "agent run", {"all_messages_events": json.dumps(events)}).messages() == wanted


def test_hostile_values() -> None:
    names = ("pydantic_ai.all_messages", "pydantic_ai.new_message_index", "final_result", "events", "all_messages_events", "agent_name", "operation.cost",
             "pydantic_ai.tool.deferral.name", "tool_arguments")  # fmt: skip
    survives(SCOPE, ("x", "agent run", "running tool: ", " run", "running  tools"), names)
    for value in ("[[]]", '[{"parts":[1,{"type":1}]}]', '[{"parts":{}}]', '[{"role":1,"content":1}]'):
        assert one(SCOPE, "agent run", {"pydantic_ai.all_messages": value}).all[0]["type"] == "directive"


def test_a_recorded_run() -> None:
    rows = recorded("pydantic-ai/pydantic-ai-2.68.0.otlp.json")
    thread = "01a204af-9d48-717f-8a59-524b29b37eb7"
    assert rows.columns("SpanName type model tool_name agent_name input_tokens output_tokens thread_key") == [
        ("chat test", "llm_call", "test", "", "weather_agent", 61, 5, thread),
        ("execute_tool get_weather", "tool_call", "", "get_weather", "weather_agent", 0, 0, thread),
        ("chat test", "llm_call", "test", "", "weather_agent", 64, 11, thread),
        ("invoke_agent weather_agent", "directive", "test", "", "weather_agent", 125, 16, thread),
    ]
    assert sorted(rows.messages()) == [
        ("assistant", 'get_weather({"city":"a"})'), ("assistant", '{"get_weather":"sunny in a"}'), ("system", "You are a weather agent"),
        ("user", '="sunny in a"'), ("user", "What is the weather in Paris?"),
    ]  # fmt: skip


def test_a_recorded_run_of_an_older_format() -> None:
    rows = recorded("pydantic-ai/map-pydantic-ai-agent-root-span-with-final-result-as-output-and.otlp.json")
    asked = "Put my money on square eighteen"
    assert rows.columns("type model agent_name input_tokens output_tokens user_input") == [
        ("directive", "gpt-4o", "roulette_agent", 174, 31, asked)
    ]
    assert [role for role, _ in rows.messages()] == ["system", "user", "assistant", "user", "assistant"]
    assert rows.messages("output")[0] == ("assistant", 'roulette_wheel({"square":18})')
