"""Log events of the coding agents: which are recognised, what they say in canonical attributes, what they decide."""

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from pipeline.batch import Mapped
from pipeline.context import Envelope, origin
from pipeline.dialects.log_events import translate_log
from pipeline.logs import LogRows, add_request
from pipeline.seen import SeenCache
from schemas.topics import LOGS
from tests.pipeline.otlp_messages import log, log_request, resource

CLAUDE_SCOPE = "com.anthropic.claude_code.events"
AROUND = Envelope(LOGS, 0, 1, 1_760_000_500_000_000_000, "", "", 100)
CLAUDE = {"session.id": "s1", "tool_name": "Bash", "tool_use_id": "toolu_1"}
CODEX = {"conversation.id": "c1", "tool_name": "shell", "call_id": "call_1"}
GEMINI = {"session.id": "g1", "function_name": "read_file", "success": "true"}


def mapped(*records: LogRecord, scope: str = "") -> Mapped:
    rows = LogRows(SeenCache(), lambda project, signal: 30)
    request = log_request(records, resource("agent"))
    request.resource_logs[0].scope_logs[0].scope.name = scope
    add_request(rows, request, AROUND, origin, lambda project, signal: 30)
    return rows.mapped(())


def rows(said: Mapped, table: str) -> list[dict[str, Any]]:
    return said.tables[table].to_pylist(maps_as_pydicts="lossy") if table in said.tables else []


def translated(event: str, attributes: dict[str, str], scope: str = "", body: str = "") -> tuple[str, dict[str, str]]:
    found = dict(attributes)
    dialect = translate_log(scope, event, found, body).dialect
    assert attributes.items() <= found.items()
    return dialect, found


@pytest.mark.parametrize(
    ("scope", "event", "body", "wanted"),
    [
        (CLAUDE_SCOPE, "tool_decision", "claude_code.tool_decision", "claude_code"),
        (CLAUDE_SCOPE, "tool_decision", "", "claude_code"),
        ("", "tool_decision", "claude_code.tool_decision", "claude_code"),
        ("", "claude_code.tool_decision", "", "claude_code"),
        ("", "", "claude_code.tool_decision", "claude_code"),
        ("anything", "codex.tool_decision", "", "codex"),
        ("gemini-cli", "gemini_cli.tool_call", "Tool call: x", "gemini_cli"),
        ("", "tool_decision", "", ""),
        ("", "tool_decision", "claude_code.other", ""),
        (CLAUDE_SCOPE, "", "", ""),
        ("gemini-cli", "gen_ai.client.inference.operation.details", "", ""),
        ("codex_otel", "", "codex.tool_decision", ""),
        ("", "", "", ""),
    ],
)
def test_who_speaks(scope: str, event: str, body: str, wanted: str) -> None:
    dialect, found = translated(event, {"tool_name": "Bash", "function_name": "Bash"}, scope, body)
    assert dialect == wanted
    assert ("gen_ai.tool.name" in found) == bool(wanted)


@pytest.mark.parametrize(
    ("event", "attributes", "wanted"),
    [
        ("claude_code.tool_decision", {**CLAUDE, "decision": "accept", "source": "config"}, ("allow", "config", "")),
        ("claude_code.tool_decision", {**CLAUDE, "decision": "accept", "source": "hook"}, ("allow", "hook", "")),
        ("claude_code.tool_decision", {**CLAUDE, "decision": "accept", "source": "user_permanent"}, ("allow", "user", "")),
        ("claude_code.tool_decision", {**CLAUDE, "decision": "accept", "source": "user_temporary"}, ("allow", "user", "")),
        ("claude_code.tool_decision", {**CLAUDE, "decision": "reject", "source": "user_reject"}, ("deny", "user", "")),
        ("claude_code.tool_decision", {**CLAUDE, "decision": "reject", "source": "user_abort"}, ("deny", "user", "abort")),
        ("claude_code.tool_decision", {**CLAUDE, "decision": "cancelled", "source": "new"}, ("deny", "", "cancelled")),
        ("codex.tool_decision", {**CODEX, "decision": "approved", "source": "Config"}, ("allow", "config", "")),
        ("codex.tool_decision", {**CODEX, "decision": "approved_for_session", "source": "User"}, ("allow", "user", "for_session")),
        ("codex.tool_decision", {**CODEX, "decision": "approved_execpolicy_amendment"}, ("allow", "", "policy_amended")),
        ("codex.tool_decision", {**CODEX, "decision": "denied", "source": "user"}, ("deny", "user", "")),
        ("codex.tool_decision", {**CODEX, "decision": "abort", "source": "user"}, ("deny", "user", "abort")),
        ("gemini_cli.tool_call", {**GEMINI, "decision": "accept"}, ("allow", "user", "")),
        ("gemini_cli.tool_call", {**GEMINI, "decision": "reject"}, ("deny", "user", "")),
        ("gemini_cli.tool_call", {**GEMINI, "decision": "modify"}, ("allow", "user", "modified")),
        ("gemini_cli.tool_call", {**GEMINI, "decision": "auto_accept"}, ("allow", "config", "")),
    ],
)
def test_decisions_are_permission_checks(event: str, attributes: dict[str, str], wanted: tuple[str, str, str]) -> None:
    said = mapped(log("", 5, attributes, 1, 2, event))
    (check,) = rows(said, "permission_rows")
    (record,) = rows(said, "log_records")
    dialect = event.partition(".")[0]
    tool, thread, call = {
        "claude_code": ("Bash", "s1", "toolu_1"),
        "codex": ("shell", "c1", "call_1"),
        "gemini_cli": ("read_file", "g1", ""),
    }[dialect]
    assert (check["result"], check["source"], check["reason_code"]) == wanted
    assert (check["resource"], check["action"], check["thread_id"], check["phase"]) == (f"tool:{tool}", "execute", thread, "decision")
    assert check["event_id"] == call or (not call and len(check["event_id"]) == 32)
    assert (record["dialect"], record["thread_id"], record["EventName"]) == (dialect, thread, event)
    assert rows(said, "thread_activity")[0]["thread_id"] == thread


@pytest.mark.parametrize(
    ("event", "attributes"),
    [
        ("claude_code.tool_decision", {**CLAUDE, "decision": "approved"}),
        ("claude_code.tool_decision", CLAUDE),
        ("claude_code.tool_result", {**CLAUDE, "decision": "accept"}),
        ("codex.tool_decision", {**CODEX, "decision": "accept"}),
        ("codex.tool_result", {**CODEX, "decision": "approved"}),
        ("gemini_cli.tool_call", GEMINI),
        ("tool_decision", {**CLAUDE, "decision": "accept"}),
    ],
)
def test_what_decides_nothing_is_no_check(event: str, attributes: dict[str, str]) -> None:
    said = mapped(log("", 5, attributes, 1, 2, event))
    assert rows(said, "permission_rows") == []
    assert len(rows(said, "log_records")) == 1


def test_an_event_named_by_its_body_alone_is_stored_under_its_name() -> None:
    said = mapped(log("claude_code.tool_decision", 5, {**CLAUDE, "decision": "accept", "source": "config"}), scope=CLAUDE_SCOPE)
    (record,) = rows(said, "log_records")
    assert (record["EventName"], record["Body"], record["dialect"]) == (
        "claude_code.tool_decision",
        "claude_code.tool_decision",
        "claude_code",
    )
    assert len(rows(said, "permission_rows")) == 1


def test_records_of_others_are_untouched() -> None:
    (record,) = rows(mapped(log("hello", 5, {"decision": "accept", "permission.result": "allow"})), "log_records")
    assert (record["dialect"], record["LogAttributes"]) == ("otel", {"decision": "accept", "permission.result": "allow"})


def test_a_check_of_our_own_is_still_one_check() -> None:
    check = {"permission.check.id": "k", "permission.result": "deny", "session.id": "s1"}
    assert len(rows(mapped(log("", 5, check, event="permission.check")), "permission_rows")) == 1


@pytest.mark.parametrize(
    ("event", "thread"),
    [("codex.conversation_starts", {"conversation.id": "t1"}), ("gemini_cli.config", {"session.id": "t1"}), ("claude_code.user_prompt", {"session.id": "t1"})],
)  # fmt: skip
def test_a_start_is_a_sign_of_life(event: str, thread: dict[str, str]) -> None:
    said = mapped(log("", 5, thread, event=event))
    assert [row["thread_id"] for row in rows(said, "thread_activity")] == ["t1"]
    assert list(said.threads) == [("default", "t1")]


def test_sub_agents_are_threads_and_their_end_is_told_above() -> None:
    about = {"session.id": "s1", "agent_id": "a"}
    assert rows(mapped(log("", 5, about, event="claude_code.tool_result")), "log_records")[0]["thread_id"] == "s1:a"
    assert rows(mapped(log("", 5, about, event="claude_code.subagent_completed")), "log_records")[0]["thread_id"] == "s1"


@pytest.mark.parametrize("event", ["claude_code.user_prompt", "codex.user_prompt", "gemini_cli.user_prompt"])
def test_what_the_user_said(event: str) -> None:
    assert translated(event, {"prompt": "hi"})[1]["mission_control.user_input"] == "hi"
    for nothing in ("<REDACTED>", "[REDACTED]", ""):
        assert "mission_control.user_input" not in translated(event, {"prompt": nothing})[1]
    assert "mission_control.user_input" not in translated(event.replace("user_prompt", "other"), {"prompt": "hi"})[1]


@pytest.mark.parametrize(
    ("event", "attributes", "wanted"),
    [
        (
            "claude_code.api_request",
            {"model": "m", "input_tokens": "3", "output_tokens": "5", "cache_read_tokens": "7", "cache_creation_tokens": "11", "cost_usd": "0.1"},
            {"gen_ai.usage.input_tokens": "21", "gen_ai.usage.output_tokens": "5", "mission_control.cost_usd": "0.1", "gen_ai.request.model": "m"},
        ),
        ("claude_code.api_error", {"status_code": "529", "error": "overloaded"}, {"error.type": "529"}),
        ("claude_code.api_error", {}, {"error.type": "error"}),
        ("claude_code.tool_result", {"success": "false", "error": "ShellError"}, {"error.type": "ShellError"}),
        ("claude_code.mcp_server_connection", {"server_name": "files"}, {"mission_control.mcp.id": "files"}),
        (
            "codex.sse_event",
            {"input_token_count": "9", "output_token_count": "2", "cached_token_count": "4", "reasoning_token_count": "1", "user.email": "a@b"},
            {"gen_ai.usage.input_tokens": "9", "gen_ai.usage.cache_read.input_tokens": "4", "gen_ai.usage.reasoning.output_tokens": "1", "user.id": "a@b"},
        ),
        ("codex.tool_result", {"success": "false", "arguments": "{}", "mcp_server": "files"}, {"error.type": "error", "mission_control.mcp.id": "files"}),
        ("gemini_cli.api_response", {"thoughts_token_count": "3"}, {"gen_ai.usage.reasoning.output_tokens": "3"}),
        ("gemini_cli.api_error", {"error_type": "Quota"}, {"error.type": "Quota"}),
        ("gemini_cli.tool_call", {"success": "false"}, {"error.type": "error"}),
    ],
)  # fmt: skip
def test_canonical_attributes(event: str, attributes: dict[str, str], wanted: dict[str, str]) -> None:
    _, found = translated(event, attributes)
    assert wanted.items() <= found.items()


def test_a_refusal_is_no_error_of_the_tool() -> None:
    assert "error.type" not in translated("gemini_cli.tool_call", {**GEMINI, "success": "false", "decision": "reject"})[1]


@pytest.mark.parametrize("value", ["", "\0", "[", "9" * 400, "NaN", "-1", "x" * 100_000])
def test_hostile_values(value: str) -> None:
    names = (
        "decision",
        "source",
        "tool_name",
        "tool_use_id",
        "call_id",
        "input_tokens",
        "success",
        "error",
        "agent_id",
        "session.id",
        "prompt",
    )
    everything = dict.fromkeys(names, value)
    for event in ("tool_decision", "tool_result", "api_request", "api_error", "user_prompt", "tool_call", "", value):
        for agent in ("claude_code.", "codex.", "gemini_cli."):
            assert translated(agent + event, everything)[0] == agent[:-1]
            assert len(rows(mapped(log(value, 5, everything, event=agent + event)), "log_records")) == 1
