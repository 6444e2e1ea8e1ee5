"""Claude Code: spans of its tracing beta, their kind in `span.type` or in the name, most attributes under names of its own."""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from pipeline.dialects.decisions import CHECK, Decision, decide_about_tool
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.values import integer, number
from pipeline.vocabulary import STEP_TYPE

AGENT: Final = "claude-code"
"""What the agent of a session is called; sub-agents may say what they are called."""
REDACTED: Final = frozenset({"<REDACTED>", "[REDACTED]"})
"""What stands for content whose sending is switched off; it counts as missing."""
CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE: Final = "gen_ai.usage.cache_creation.input_tokens"
OPERATIONS: Final[Mapping[str, str]] = {
    "interaction": "invoke_agent",
    "llm_request": "chat",
    "tool": "execute_tool",
    "tool_execution": "execute_tool",
}
"""Kind of span -> operation. `tool.execution` and `tool.blocked_on_user` are parts of a `tool`, and so no calls of their own."""
DECISIONS: Final[Mapping[str, Decision]] = {
    "accept": Decision("allow"),
    "reject": Decision("deny"),
    "cancelled": Decision("deny", "cancelled"),
}
_BLOCKED: Final = ("tool.blocked_on_user", "tool_blocked_on_user", "blocked_on_user")
_OUTPUT: Final = "tool.output"
"""Event of a tool's span with what the tool gave."""
_TOOL: Final[Mapping[str, tuple[str, ...]]] = {
    "gen_ai.tool.name": ("tool_name", "tool.name"),
    "gen_ai.tool.call.id": ("tool_use_id", "tool.id"),
    "gen_ai.tool.call.arguments": ("tool_input", "tool.input", "tool_parameters"),
    "gen_ai.tool.call.result": ("tool_output", "tool.output"),
}
_LLM: Final[Mapping[str, tuple[str, ...]]] = {
    CACHE_READ: ("cache_read_tokens",),
    CACHE_WRITE: ("cache_creation_tokens",),
    "gen_ai.usage.output_tokens": ("output_tokens",),
    "gen_ai.response.finish_reasons": ("stop_reason",),
    "mission_control.cost_usd": ("cost_usd",),
}
_PARTS_OF_ARGUMENTS: Final[Mapping[str, str]] = {
    "full_command": "command",
    "file_path": "file_path",
    "skill_name": "skill",
    "subagent_type": "subagent_type",
}
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_CLASS_OF_ERROR: Final = re.compile(r"[\w.:]{1,64}")


def kind_of(span: SpanFacts) -> str:
    """`llm_request`, `tool`, …; '' for what does not say."""
    return span.found.get("span.type", "") or span.name.removeprefix("claude_code.")


def fill(found: dict[str, str], sources: Mapping[str, tuple[str, ...]]) -> None:
    """Add each canonical attribute that is missing, from the first of its sources that says something."""
    for canonical, names in sources.items():
        if canonical not in found and (value := next((found[name] for name in names if found.get(name)), "")):
            found[canonical] = value


def name_thread(found: dict[str, str]) -> None:
    """A sub-agent is a thread of its own, below the session or below the sub-agent that started it."""
    session = found.get("session.id") or found.get("gen_ai.conversation.id")
    if (agent := found.get("agent_id")) and session:
        found.setdefault("mission_control.thread.id", f"{session}:{agent}")
        parent = found.get("parent_agent_id")
        found.setdefault("mission_control.thread.parent_id", f"{session}:{parent}" if parent else session)


def count_input(found: dict[str, str]) -> None:
    """Its `input_tokens` leave out what was read from or written to the cache; the canonical count has all of it."""
    if "gen_ai.usage.input_tokens" not in found and "input_tokens" in found:
        found["gen_ai.usage.input_tokens"] = str(sum(integer(found.get(name, "")) for name in ("input_tokens", CACHE_READ, CACHE_WRITE)))


def failure(found: dict[str, str]) -> None:
    """`success` false is a failure even where the span's status does not say so."""
    if found.get("success", "").lower() == "false" and "error.type" not in found:
        said = found.get("error_class") or found.get("error", "")
        found["error.type"] = said if _CLASS_OF_ERROR.fullmatch(said) else found.get("status_code") or "error"


def model(found: dict[str, str]) -> None:
    """A model that was named with terminal colours is the same model."""
    if "gen_ai.request.model" not in found and (name := _COLOURS.sub("", found.get("model", ""))):
        found["gen_ai.request.model"] = name
    if "gen_ai.system" not in found:
        found.setdefault("gen_ai.provider.name", "anthropic")


def _by_kind(span: SpanFacts) -> None:
    """`span.type`, else the name without `claude_code.`, says what it is: interaction (the agent), llm_request, tool, tool.blocked_on_user (a
    check); tokens, tool, prompt and failure are read accordingly."""
    found, kind = span.found, kind_of(span)
    if operation := OPERATIONS.get(kind):
        found.setdefault("gen_ai.operation.name", operation)
        failure(found)
        _BY_OPERATION[operation](found)
        if operation == "execute_tool":
            _output(span)
    elif kind in _BLOCKED:
        fill(found, _TOOL)
        found.setdefault(STEP_TYPE, CHECK)
        decide_about_tool(DECISIONS, found)
        found.setdefault("permission.result", "ask")
        if "agent_id" not in found:
            found.setdefault("gen_ai.agent.name", AGENT)


def _interaction(found: dict[str, str]) -> None:
    found.setdefault("gen_ai.agent.name", AGENT)
    if (prompt := found.get("user_prompt")) and prompt not in REDACTED:
        found.setdefault("mission_control.user_input", prompt)
        said = [{"role": "user", "parts": [{"type": "text", "content": prompt}]}]
        found.setdefault("gen_ai.input.messages", orjson.dumps(said).decode())


def _llm_request(found: dict[str, str]) -> None:
    fill(found, _LLM)
    model(found)
    count_input(found)
    if (milliseconds := number(found.get("ttft_ms", ""))) is not None:
        found.setdefault("gen_ai.response.time_to_first_chunk", str(milliseconds / 1000))


def _tool(found: dict[str, str]) -> None:
    fill(found, _TOOL)
    if said := {name: found[attribute] for attribute, name in _PARTS_OF_ARGUMENTS.items() if found.get(attribute)}:
        found.setdefault("gen_ai.tool.call.arguments", orjson.dumps(said).decode())


def _output(span: SpanFacts) -> None:
    """The longest text of the event, which has names and sizes beside it."""
    if span.events and "gen_ai.tool.call.result" not in span.found and (said := span.event(_OUTPUT)):
        span.found["gen_ai.tool.call.result"] = max(said.values(), key=len)


_BY_OPERATION: Final = {"invoke_agent": _interaction, "chat": _llm_request, "execute_tool": _tool}


def _thread(span: SpanFacts) -> None:
    """A span with an `agent_id` belongs to a thread of its own, below that of `parent_agent_id` or of the session."""
    name_thread(span.found)


CLAUDE_CODE: Final = Dialect(
    name="claude_code",
    title="Claude Code and the Claude Agent SDK: their own spans (tracing beta), also those sent on under the scope `claude-code`",
    scopes=("com.anthropic.claude_code", "claude-code"),
    markers=frozenset({"claude.code.session_id", "llm_request.context", "anthropic.mcp.server.name"}),
    names={
        "gen_ai.conversation.id": ("claude.code.session_id",),
        "mission_control.mcp.id": ("anthropic.mcp.server.name", "mcp_server_name"),
        "user.id": ("user.account_uuid",),
    },
    rules=(_thread, _by_kind),
    also_in_logs=True,
    switch_on=(
        "CLAUDE_CODE_ENABLE_TELEMETRY=1 CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 OTEL_TRACES_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp "
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318\n"
        "Prompts, tool arguments and tool output only with OTEL_LOG_USER_PROMPTS=1 OTEL_LOG_TOOL_DETAILS=1 OTEL_LOG_TOOL_CONTENT=1"
    ),
)
