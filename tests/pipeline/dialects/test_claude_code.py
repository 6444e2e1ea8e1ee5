"""Claude Code's spans: what each kind of them becomes."""

import json
from typing import Any

import pytest

from pipeline.dialects.claude_code import CLAUDE_CODE
from pipeline.dialects.dialect import SpanFacts
from tests.pipeline.dialects.agent_spans import PAYLOADS, Row, one, recorded

SCOPE = "com.anthropic.claude_code.tracing"
SESSION = {"session.id": "s1", "user.id": "u1"}
REQUEST = {**SESSION, "span.type": "llm_request", "model": "claude-x", "input_tokens": 3, "output_tokens": 13}
RECORDED_SESSION = "9f8b7a76-abd6-4855-9f39-e22ce23ed11e"
needs_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not here")


def said(name: str, attributes: Any, **more: Any) -> Row:
    return one(SCOPE, name, attributes, **more)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("interaction", "directive"), ("llm_request", "llm_call"), ("tool", "tool_call"), ("tool.blocked_on_user", "check_permission"),
        ("tool.execution", "span"), ("hook", "span"), ("compaction", "span"), ("subagent.spawn", "span"), ("something new", "span"),
    ],
)  # fmt: skip
def test_kinds_by_attribute_and_by_name(kind: str, wanted: str) -> None:
    about = {"tool_name": "Bash", "tool_use_id": "toolu_1", "decision": "accept"}
    for row in (said("x", {**SESSION, **about, "span.type": kind}), said(f"claude_code.{kind}", {**SESSION, **about})):
        assert row.only("type", "dialect", "thread_key", "user_id") == (wanted, "claude_code", "s1", "u1")


def test_input_tokens_are_all_of_them() -> None:
    row = said(
        "claude_code.llm_request", {**REQUEST, "cache_read_tokens": 17241, "cache_creation_tokens": 16935, "stop_reason": "tool_use"}
    )
    assert row.only("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens") == (3 + 17241 + 16935, 13, 17241, 16935)
    assert row.only("model", "request_model", "provider", "finish_reason") == ("claude-x", "claude-x", "anthropic", "tool_use")
    assert row["SpanAttributes"]["input_tokens"] == "3"


def test_what_is_canonical_already_wins() -> None:
    more = {"gen_ai.usage.input_tokens": 50, "gen_ai.request.model": "asked", "gen_ai.system": "aws.bedrock", "cache_read_tokens": 10}
    row = said("x", {**REQUEST, **more, "gen_ai.response.finish_reasons": ["end_turn"], "stop_reason": "other"})
    assert row.only("input_tokens", "model", "provider", "finish_reason") == (50, "asked", "aws.bedrock", "end_turn")


def test_time_to_first_chunk_and_cost() -> None:
    assert said("x", {**REQUEST, "ttft_ms": 1953, "cost_usd": 0.02}).only("ttft_ms", "cost_usd") == (1953.0, 0.02)
    assert said("x", {**REQUEST, "ttft_ms": "soon"})["ttft_ms"] is None


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"success": "false", "error_class": "Error_ENOENT", "error": "no such file /a"}, ("error", "Error_ENOENT")),
        ({"success": "false", "error": "ShellError"}, ("error", "ShellError")),
        ({"success": "false", "error": "a whole message", "status_code": "529"}, ("error", "529")),
        ({"success": False, "error": "a whole message"}, ("error", "error")),
        ({"success": "false", "error.type": "timeout", "error": "x"}, ("error", "timeout")),
        ({"success": "true", "error": "ShellError"}, ("complete", "")),
        ({}, ("complete", "")),
    ],
)
def test_failures(more: Any, wanted: Any) -> None:
    assert said("claude_code.tool", {**SESSION, "tool_name": "Bash", **more}).only("status", "error_type") == wanted


@pytest.mark.parametrize(
    ("more", "arguments"),
    [
        ({"tool_input": '{"a":1}', "full_command": "ls"}, '{"a":1}'),
        ({"full_command": "ls -l"}, '{"command":"ls -l"}'),
        ({"file_path": "/a"}, '{"file_path":"/a"}'),
        ({"subagent_type": "Explore"}, '{"subagent_type":"Explore"}'),
        ({"tool_name": "Read"}, None),
    ],
)
def test_tools(more: Any, arguments: str | None) -> None:
    row = said("claude_code.tool", {**SESSION, "tool_name": "Bash", "tool_use_id": "toolu_1", "anthropic.mcp.server.name": "files", **more})
    assert row.only("tool_call_id", "mcp_id") == ("toolu_1", "files")
    assert row["tool_name"] == more.get("tool_name", "Bash")
    assert row["SpanAttributes"].get("gen_ai.tool.call.arguments") == arguments


def test_what_the_user_said() -> None:
    row = said("claude_code.interaction", {**SESSION, "user_prompt": "hi"})
    assert row.only("user_input", "agent_name", "messages") == ("hi", "claude-code", [("input", "user", "hi")])
    for nothing in ("<REDACTED>", "[REDACTED]", ""):
        row = said("claude_code.interaction", {**SESSION, "user_prompt": nothing})
        assert row.only("user_input", "messages") == ("", [])


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"session.id": "s1", "agent_id": "a"}, ("s1:a", "s1")),
        ({"session.id": "s1", "agent_id": "b", "parent_agent_id": "a"}, ("s1:b", "s1:a")),
        ({"gen_ai.conversation.id": "c1", "agent_id": "a"}, ("c1:a", "c1")),
        ({"session.id": "s1", "parent_agent_id": "a"}, ("s1", "")),
        ({"session.id": "s1", "agent_id": ""}, ("s1", "")),
        ({"session.id": "s1", "agent_id": "a", "mission_control.thread.id": "t"}, ("t", "s1")),
    ],
)
def test_sub_agents_are_threads(more: Any, wanted: Any) -> None:
    assert said("claude_code.hook", more).only("thread_key", "parent_thread_key") == wanted


def test_a_sub_agent_of_an_unknown_session_is_in_the_trace() -> None:
    row = said("claude_code.tool", {"agent_id": "a", "tool_name": "Bash"})
    assert row.only("thread_key", "parent_thread_key") == (row["TraceId"], "")


def test_recognised_by_what_nobody_else_says() -> None:
    assert one("", "x", {"claude.code.session_id": "s9"}).only("dialect", "thread_key") == ("claude_code", "s9")
    assert one("", "claude_code.tool", SESSION)["dialect"] == "otel"


@pytest.mark.parametrize("value", ["", "NaN", "-1", "[", '{"a":', "9" * 500, "\0", "x" * 100_000])
def test_hostile_values(value: str) -> None:
    names = (
        "span.type",
        "model",
        "input_tokens",
        "cache_read_tokens",
        "ttft_ms",
        "success",
        "error",
        "user_prompt",
        "agent_id",
        "session.id",
    )
    for name in ("interaction", "llm_request", "tool", "hook"):
        for attribute in names:
            row = said(f"claude_code.{name}", {**REQUEST, "span.type": name, attribute: value})
            assert row["dialect"] == "claude_code"
            assert row["input_tokens"] < 2**63


def test_nothing_said_is_removed_or_changed() -> None:
    before = {"span.type": "llm_request", "model": "\x1b[1mm", "input_tokens": "1", "session.id": "s", "agent_id": "a", "success": "false"}
    found = dict(before)
    CLAUDE_CODE.translate(SpanFacts(SCOPE, "x", "Internal", found))
    assert before.items() <= found.items()
    assert found["gen_ai.request.model"] == "m"


@needs_payloads
@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("0", {"type": "directive", "user_input": "hi claudio", "messages": [("input", "user", "hi claudio")], "agent_name": "claude-code"}),
        ("1", {"type": "tool_call", "tool_name": "Bash", "tool_call_id": "toolu_01ABC", "messages": []}),
        (
            "2",
            {
                "type": "llm_call", "model": "claude-opus-4-6", "input_tokens": 3 + 11229 + 4797, "output_tokens": 13,
                "cache_read_tokens": 11229, "cache_write_tokens": 4797, "ttft_ms": 1953.0, "provider": "anthropic", "cost_usd": None,
            },
        ),
        ("3", {"type": "directive", "user_input": "hello from agent sdk"}),
        ("4", {"type": "llm_call", "model": "claude-sonnet-4-20250514", "input_tokens": 5, "output_tokens": 7, "ttft_ms": 100.0}),
    ],
)  # fmt: skip
def test_recorded_spans(file: str, wanted: Any) -> None:
    row = recorded(f"claude-code/claude-code-{file}.otlp.json")
    assert {name: row[name] for name in wanted} == wanted
    assert row.only("dialect", "thread_key", "status") == ("claude_code", RECORDED_SESSION, "complete")
    assert row["user_id"].startswith("4ea2a748")
    if file == "1":
        assert json.loads(row["SpanAttributes"]["gen_ai.tool.call.arguments"]) == {"command": "ls"}
        assert row["SpanAttributes"]["gen_ai.tool.call.result"] == "file1\nfile2"


@needs_payloads
def test_a_recorded_span_in_the_standard_vocabulary_keeps_its_counts() -> None:
    row = recorded("claude-code/governance.json")
    assert row.only("type", "model", "provider", "input_tokens", "output_tokens", "tool_name", "thread_key") == (
        "llm_call", "claude-sonnet-4.6", "anthropic", 187, 53, "", "ses_dogfood_claude_code_0001",
    )  # fmt: skip
