"""Codex's spans: turns, responses, tool calls."""

import json
from typing import Any

import pytest

from tests.pipeline.dialects.agent_spans import PAYLOADS, Row, one

TURN = {
    "thread.id": "019e-t", "turn.id": "019e-u", "model": "gpt-5.5", "codex.turn.token_usage.input_tokens": 100,
    "codex.turn.token_usage.cached_input_tokens": 40, "codex.turn.token_usage.output_tokens": 23,
    "codex.turn.token_usage.reasoning_output_tokens": 10, "codex.turn.token_usage.total_tokens": 123,
}  # fmt: skip


def said(name: str, attributes: Any, scope: str = "codex_cli_rs") -> Row:
    return one(scope, name, attributes)


def test_a_turn_is_the_work_of_an_agent_and_no_model_call() -> None:
    for row in (said("session_task.turn", TURN), said("renamed", TURN, scope="")):
        assert row.only("type", "dialect", "thread_key", "agent_name", "model", "provider") == (
            "directive", "codex", "019e-t", "codex", "gpt-5.5", "openai",
        )  # fmt: skip
        assert row.only("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens") == (100, 40, 23, 10)


def test_a_turn_names_its_thread_even_where_it_calls_itself_a_conversation() -> None:
    assert said("session_task.turn", {**TURN, "gen_ai.conversation.id": "019e-u"})["thread_key"] == "019e-t"


@pytest.mark.parametrize("thread", [17, -1, "17", ""])
def test_a_thread_of_the_operating_system_is_none_of_ours(thread: Any) -> None:
    row = said("session_task.turn", {**TURN, "thread.id": thread})
    assert row["thread_key"] == row["TraceId"]


def test_a_response_with_usage_is_a_model_call() -> None:
    usage = {"gen_ai.usage.input_tokens": 60, "gen_ai.usage.output_tokens": 9, "gen_ai.usage.cache_read.input_tokens": 40}
    row = said("completed", {**usage, "codex.usage.reasoning_output_tokens": 4, "tool_name": "shell"})
    assert row.only("type", "provider", "tool_name", "model") == ("llm_call", "openai", "", "")
    assert row.only("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens") == (60, 9, 40, 4)
    row = said("completed", {**usage, "model": "gpt-x", "gen_ai.system": "azure"})
    assert row.only("model", "provider") == ("gpt-x", "azure")
    assert said("handle_responses", {"codex.request.reasoning_effort": "high", "tool_name": "shell"}, scope="")["type"] == "span"


@pytest.mark.parametrize("names", [("tool_name", "call_id"), ("tool.name", "tool.call_id")])
def test_a_span_with_a_tool_and_a_call_is_a_tool_call(names: tuple[str, str]) -> None:
    tool, call = names
    row = said("shell", {tool: "shell", call: "call_1", "mcp.server.name": "files", "aborted": False, "thread_id": "019e-t"})
    assert row.only("type", "tool_name", "tool_call_id", "mcp_id", "status", "thread_key") == (
        "tool_call", "shell", "call_1", "files", "complete", "019e-t",
    )  # fmt: skip
    assert said("shell", {tool: "shell", call: "call_1", "aborted": True})["status"] == "cancelled"
    assert said("shell", {tool: "shell"})["type"] == said("shell", {call: "call_1"})["type"] == "span"


@pytest.mark.parametrize("value", ["", "NaN", "-5", "9" * 400, "{", "\0", "-", "--1", "²"])
def test_hostile_values(value: str) -> None:
    for attribute in TURN:
        row = said("session_task.turn", {**TURN, attribute: value})
        assert row.only("dialect", "type") == ("codex", "directive")
    assert said("x", {"tool_name": value, "call_id": value, "aborted": value, "gen_ai.usage.input_tokens": value})["dialect"] == "codex"


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not here")
def test_the_recorded_turn() -> None:
    recorded = json.loads((PAYLOADS / "codex" / "session-task-turn.json").read_text())
    row = one(recorded["scopeName"], recorded["spanName"], recorded["attributes"])
    wanted = {
        "type": "directive", "dialect": "codex", "thread_key": "019e9bfe-7749-7440-8506-39152afbc9ff", "model": "gpt-5.5", "agent_name": "codex",
        "input_tokens": 13297, "cache_read_tokens": 4480, "output_tokens": 23, "reasoning_tokens": 10, "cost_usd": None, "messages": [],
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
