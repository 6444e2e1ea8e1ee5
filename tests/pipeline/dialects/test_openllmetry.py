"""OpenLLMetry: kinds and entities of Traceloop, messages with their place in the name; the standard's own spans are left alone."""

from typing import Any

import pytest

from pipeline.dialects import dialect_of, of_scope
from pipeline.dialects.openllmetry import LITERAL_LENGTH, OPENLLMETRY, arguments
from tests.pipeline.dialects.framework_spans import HOSTILE, PAYLOADS, added, recorded, text

needs_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not here")
KIND = "traceloop.span.kind"
OPERATION = "gen_ai.operation.name"
SHARED = "opentelemetry.instrumentation."


def said(name: str = "span", /, **attributes: Any) -> dict[str, Any]:
    """What a span with these comes to; `__` stands for a dot."""
    return added(OPENLLMETRY, {key.replace("__", "."): value for key, value in attributes.items()}, name)


@pytest.mark.parametrize(
    ("scope", "found", "dialect"),
    [
        ("traceloop.tracer", {}, "openllmetry"),
        (SHARED + "openai.v1", {}, "openllmetry"),
        (SHARED + "mcp", {}, "openllmetry"),
        (SHARED + "openai_v2", {"gen_ai.operation.name": "chat"}, None),
        (SHARED + "langchain", {"gen_ai.operation.name": "chat"}, None),
        (SHARED + "langchain", {KIND: "workflow"}, "openllmetry"),
        (SHARED + "anthropic", {"gen_ai.prompt.0.role": "user"}, "openllmetry"),
        (SHARED + "fastapi", {"http.route": "/"}, None),
        (SHARED + "requests", {}, None),
    ],
)
def test_the_standards_instrumentations_are_left_alone(scope: str, found: dict[str, str], dialect: str | None) -> None:
    spoken = dialect_of(of_scope(scope), found)
    assert (spoken.name if spoken else None) == dialect


@pytest.mark.parametrize(
    ("attributes", "operation"),
    [
        ({KIND: "workflow"}, "invoke_workflow"), ({KIND: "task"}, "execute_task"), ({KIND: "agent"}, "invoke_agent"), ({KIND: "tool"}, "execute_tool"),
        ({KIND: "server"}, None), ({KIND: "unknown"}, None), ({"llm.request.type": "chat"}, "chat"),
        ({"llm.request.type": "completion"}, "text_completion"), ({"llm.request.type": "embedding"}, "embeddings"),
        ({"llm.request.type": "rerank"}, "rerank"), ({"llm.request.type": "tool"}, "execute_tool"), ({"llm.request.type": "chat", KIND: "task"}, "chat"),
        ({}, None),
    ],
)  # fmt: skip
def test_kinds(attributes: dict[str, str], operation: str | None) -> None:
    assert added(OPENLLMETRY, attributes).get(OPERATION) == operation


def test_names() -> None:
    given = {
        "llm.request.type": "chat", "gen_ai.usage.prompt_tokens": "9", "gen_ai.usage.completion_tokens": "5",
        "gen_ai.usage.cache_read_input_tokens": "2", "gen_ai.usage.cache_creation_input_tokens": "1", "gen_ai.usage.reasoning_tokens": "3",
        "gen_ai.completion.0.finish_reason": "stop", "traceloop.association.properties.user_id": "u", "traceloop.workflow.name": "files.mcp",
    }  # fmt: skip
    assert added(OPENLLMETRY, given) == {
        OPERATION: "chat", "gen_ai.usage.input_tokens": "9", "gen_ai.usage.output_tokens": "5", "gen_ai.usage.cache_read.input_tokens": "2",
        "gen_ai.usage.cache_creation.input_tokens": "1", "gen_ai.usage.reasoning.output_tokens": "3", "gen_ai.response.finish_reasons": "stop",
        "user.id": "u", "mission_control.mcp.id": "files",
    }  # fmt: skip


@pytest.mark.parametrize(("total", "wanted"), [("28", "15"), ("18", "15"), ("180", "15"), ("43", "30")])
def test_input_tokens_are_the_total(total: str, wanted: str) -> None:
    """43 is the prompt's 15 and the 15 that were cached and the answer's 13."""
    given = {"gen_ai.usage.prompt_tokens": "15", "gen_ai.usage.completion_tokens": "13", "gen_ai.usage.cache_read_input_tokens": "15"}
    assert added(OPENLLMETRY, {**given, "llm.usage.total_tokens": total})["gen_ai.usage.input_tokens"] == wanted
    assert "gen_ai.usage.input_tokens" not in added(
        OPENLLMETRY, {**given, "gen_ai.usage.input_tokens": "1", "gen_ai.usage.total_tokens": total}
    )


def test_messages_with_places() -> None:
    found = added(
        OPENLLMETRY,
        {
            "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": '[{"type": "text", "text": "look"}]', "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "be", "gen_ai.prompt.2.role": "tool", "gen_ai.prompt.2.tool_call_id": "c", "gen_ai.prompt.2.content": "42",
            "gen_ai.prompt.3.role": "user", "gen_ai.prompt.3.content": '[{"my": "data"}]', "gen_ai.prompt.10000.content": "too far",
            "gen_ai.completion.0.tool_calls.0.id": "d", "gen_ai.completion.0.tool_calls.0.name": "f",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"a": 1}', "gen_ai.completion.0.finish_reason": "tool_calls",
        },
    )  # fmt: skip
    assert found["gen_ai.input.messages"] == [
        text("system", "be"), text("user", "look"), {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "42"}]},
        text("user", '[{"my": "data"}]'),
    ]  # fmt: skip
    assert found["gen_ai.output.messages"] == [
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "d", "name": "f", "arguments": {"a": 1}}],
            "finish_reason": "tool_calls",
        }
    ]


def test_messages_of_older_and_other_forms() -> None:
    assert said(llm__prompts__0__content="hi", llm__completions__0__content="yes") == {
        "gen_ai.input.messages": [text("user", "hi")], "gen_ai.output.messages": [text("assistant", "yes")],
    }  # fmt: skip
    assert said(gen_ai__prompt='[{"role": "user", "content": "hi"}]', gen_ai__completion="yes") == {
        "gen_ai.input.messages": [text("user", "hi")], "gen_ai.output.messages": [text("assistant", "yes")],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ('{"city": "x"}', '{"city": "x"}'),
        ("bare", "bare"),
        ("""{"input_str": "{'city': 'x'}", "tags": []}""", '{"city":"x"}'),
        ("""{"input_str": "{'city': 'x'}", "inputs": {"city": "y"}}""", '{"city":"y"}'),
        ('{"input_str": "A-1187"}', "A-1187"),
        ('{"input_str": "{broken"}', "{broken"),
        ("""{"input_str": "{1, 2}"}""", """{"input_str": "{1, 2}"}"""),
        ('{"input_str": "{' + "1" * LITERAL_LENGTH + '}"}', "{" + "1" * LITERAL_LENGTH + "}"),
    ],
)
def test_arguments_without_wrapping(value: str, plain: str) -> None:
    assert arguments(value) == plain


def test_tools() -> None:
    output = '{"output": {"lc": 1, "kwargs": {"content": "1", "tool_call_id": "c"}}}'
    assert said("lookup.tool", traceloop__span__kind="tool", traceloop__entity__input='{"a":1}', traceloop__entity__output=output) == {
        OPERATION: "execute_tool", "gen_ai.tool.name": "lookup", "gen_ai.tool.call.arguments": '{"a":1}', "gen_ai.tool.call.result": output,
        "gen_ai.tool.call.id": "c",
    }  # fmt: skip
    assert (
        said("x", traceloop__span__kind="tool", traceloop__entity__name="named", traceloop__entity__output="1")["gen_ai.tool.name"]
        == "named"
    )


def test_agents_and_workflows() -> None:
    asked = '{"inputs": {"messages": [["user", "where is it?"]]}, "tags": []}'
    assert said("planner.agent", traceloop__span__kind="agent", traceloop__entity__input=asked) == {
        OPERATION: "invoke_agent", "gen_ai.agent.name": "planner", "mission_control.user_input": "where is it?",
    }  # fmt: skip
    assert said("x.workflow", traceloop__span__kind="workflow", traceloop__entity__input="do it") == {
        OPERATION: "invoke_workflow", "mission_control.user_input": "do it",
    }  # fmt: skip
    assert said("x", traceloop__span__kind="workflow", traceloop__entity__input='{"n": 1}', traceloop__workflow__name="w") == {
        OPERATION: "invoke_workflow"
    }


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"error.type": "GraphInterrupt", "gen_ai.task.status": "failure"}, "paused"),
        ({"error.type": "ValueError", "gen_ai.task.status": "failure"}, "error"),
        ({"gen_ai.task.status": "failure"}, "error"),
        ({"gen_ai.task.status": "success"}, None),
    ],
)
def test_a_pause_is_no_failure(attributes: dict[str, str], status: str | None) -> None:
    assert added(OPENLLMETRY, attributes).get("mission_control.step.status") == status


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(value: str) -> None:
    names = (
        "traceloop.entity.input", "traceloop.entity.output", "traceloop.entity.name", "gen_ai.prompt", "gen_ai.completion", "error.type",
        "gen_ai.prompt.0.content", "gen_ai.prompt.0." + "0." * 3_000, "gen_ai.completion.0.tool_calls", "gen_ai.completion.0.tool_calls.0.arguments",
        "gen_ai.prompt.99999999999.role", "gen_ai.usage.prompt_tokens", "llm.usage.total_tokens", "gen_ai.completion.0", "gen_ai.prompt.",
    )  # fmt: skip
    for kind in ("tool", "agent", "workflow", value):
        for name in names:
            added(OPENLLMETRY, {KIND: kind, name: value})
        added(OPENLLMETRY, {KIND: kind, **dict.fromkeys(names, value)})


@needs_payloads
def test_recorded_turn_of_an_agent() -> None:
    mapped = recorded("openllmetry/indexed-prompts.otlp.json")
    columns = ("type", "tool_name", "model", "provider", "input_tokens", "output_tokens", "cache_read_tokens", "status", "thread_key")
    trace = mapped.spans[0]["TraceId"]
    turn, asked, answered = "session-travel-123", "gpt-4o-2024-05-13", "anthropic.claude-3-5-sonnet-20241022-v2:0"
    assert mapped.columns(*columns) == [
        ("TravelPlanner", "directive", "", "", "", 0, 0, 0, "complete", trace),
        ("chat gpt-4o", "llm_call", "", asked, "openai", 800, 50, 600, "complete", turn),
        ("get_weather", "tool_call", "get_weather", "", "", 0, 0, 0, "complete", trace),
        ("chat gpt-4o", "llm_call", "", asked, "openai", 1200, 120, 0, "complete", turn),
        ("book_hotel", "tool_call", "book_hotel", "", "", 0, 0, 0, "error", trace),
        ("search_attractions", "tool_call", "search_attractions", "", "", 0, 0, 0, "complete", trace),
        ("chat anthropic.claude-3-5-sonnet", "llm_call", "", answered, "bedrock", 1500, 300, 0, "complete", turn),
    ]
    assert (mapped.spans[0]["user_id"], mapped.spans[0]["agent_name"], mapped.spans[1]["finish_reason"]) == (
        "user-traceloop-99",
        "TravelPlanner",
        "tool_calls",
    )
    assert {span["dialect"] for span in mapped.spans} == {"openllmetry"}
    first, last = (mapped.messages[mapped.spans[place]["SpanId"]] for place in (1, 6))
    assert [role for _, role, _ in first] == ["system", "user", "assistant"]
    assert first[2][2] == 'Let me check the weather for you. get_weather({"city": "Barcelona"})'
    assert last[0] == ("input", "tool", "call_hotel_1: BookingUnavailableError: No rooms available")
    tool = mapped.spans[2]["SpanAttributes"]
    assert (tool["gen_ai.tool.call.arguments"], tool["gen_ai.tool.call.result"]) == (
        '{"city":"Barcelona"}',
        '{"temp":22,"condition":"sunny"}',
    )


@needs_payloads
def test_recorded_openai() -> None:
    mapped = recorded("openllmetry/convert-a-traceloop-otel-span-to-langfuse-events.otlp.json")
    assert mapped.columns("type", "model", "request_model", "provider", "input_tokens", "output_tokens", "finish_reason") == [
        ("openai.chat", "llm_call", "gpt-3.5-turbo-0125", "gpt-3.5-turbo", "OpenAI", 14, 173, "stop")
    ]
    asked, answered = next(iter(mapped.messages.values()))
    assert asked == ("input", "user", "What is LLM Observability?")
    assert answered[:2] == ("output", "assistant")
    assert answered[2].startswith("LLM Observability (Logs, Metrics, and Traces Observability)")
