"""Log events of the coding agents, in canonical attributes beside their own. What they decide about tools is a permission check.

Calls that are told by a log event (`api_request`, `codex.sse_event`, `gemini_cli.api_response`, `tool_result`, …) are steps: `told` says
which, and `same_call` how the span of the same call and the event are one.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import orjson

from pipeline.capabilities import MODE, asks_nobody
from pipeline.dialects.claude_code import AGENT as CLAUDE_AGENT
from pipeline.dialects.claude_code import CLAUDE_CODE, DECISIONS, REDACTED, count_input, failure, fill, name_thread
from pipeline.dialects.codex import AGENT as CODEX_AGENT
from pipeline.dialects.codex import CODEX
from pipeline.dialects.decisions import DECISIONS as DECISIONS_ELSEWHERE
from pipeline.dialects.decisions import TOLD, Decision, decide, decide_about_tool, elsewhere
from pipeline.dialects.gemini_cli import GEMINI_CLI
from pipeline.values import number

_CLAUDE_SCOPE, _CLAUDE, _CODEX, _GEMINI = "com.anthropic.claude_code", "claude_code.", "codex.", "gemini_cli."
_USAGE: Final = "gen_ai.usage."
LONGEST_MS: Final = 30 * 86_400_000.0
_CACHE_READ, _CACHE_WRITE = f"{_USAGE}cache_read.input_tokens", f"{_USAGE}cache_creation.input_tokens"


class Speech(NamedTuple):
    """How one agent's events are read: canonical attribute -> its own, and by event what it decides and more."""

    dialect: str
    agent: str
    """What the agent is called where it does not say; its sub-agents have names of their own."""
    names: Mapping[str, tuple[str, ...]]
    prompt: str
    """Event whose `prompt` is what the user said."""
    decides: str
    """Event with a `decision` about a tool."""
    decisions: Mapping[str, Decision]
    rule: Callable[[str, dict[str, str]], None]
    calls: Mapping[str, str]
    """Event that tells of a call -> type of its step."""
    modes: Mapping[str, str]
    """Event that tells the mode in which the agent decides -> attribute that says it."""
    answer: str = ""
    """Event whose `response` is what the model said."""


class Heard(NamedTuple):
    """A record in one of these dialects: whose, and which event, without the agent's name before it."""

    dialect: str
    event: str
    step: str
    """Type of the step that the event tells, '' for none."""


NOBODY: Final = Heard("", "", "")


def translate_log(scope: str, event: str, found: dict[str, str], body: str) -> Heard:
    """Add the canonical attributes of one log record to `found`; returns who speaks, NOBODY for what is none of theirs.

    `event` is the record's own name or its `event.name`; an event named by its body alone gets that as `event.name`.
    A decision about a tool has `permission.result` afterwards. Nothing is removed or changed; never raises.
    """
    speech, name = _speech(scope, event, body)
    if speech is None:
        if TOLD.isdisjoint(found):
            return NOBODY
        elsewhere(found)
        return Heard(DECISIONS_ELSEWHERE.name, "", "")
    if not event:
        found.setdefault("event.name", f"{_CLAUDE}{name}")
    fill(found, speech.names)
    if name == speech.prompt and (prompt := found.get("prompt")) and prompt not in REDACTED:
        found.setdefault("mission_control.user_input", prompt)
        _say(found, "user", prompt)
    elif name == speech.answer and (answer := found.get("response")) and answer not in REDACTED:
        _say(found, "assistant", answer)
    speech.rule(name, found)
    if name == speech.decides:
        decide_about_tool(speech.decisions, found)
    elif asks_nobody(mode := found.get(speech.modes.get(name, ""), "")):
        found.setdefault(MODE, mode)
        decide(Decision("allow"), found, ("mode", mode), "", "go ahead without asking")
    step = speech.calls.get(name, "") if _is_whole(name, found) else ""
    if (step or "permission.result" in found) and "agent_id" not in found:
        found.setdefault("gen_ai.agent.name", speech.agent)
    return Heard(speech.dialect, name, step)


def _say(found: dict[str, str], role: str, words: str) -> None:
    attribute = "gen_ai.input.messages" if role == "user" else "gen_ai.output.messages"
    found.setdefault(attribute, orjson.dumps([{"role": role, "parts": [{"type": "text", "content": words}]}]).decode())


def _is_whole(name: str, found: Mapping[str, str]) -> bool:
    """Of a response's stream of events only the last tells of all of it."""
    if name == "sse_event":
        return found.get("event.kind") in ("response.completed", "response.failed")
    return True


def duration_ns(found: Mapping[str, str]) -> int:
    """How long the call took that an event tells, in nanoseconds."""
    return int(min(max(number(found.get("duration_ms", "")) or 0.0, 0.0), LONGEST_MS) * 1_000_000)


def _speech(scope: str, event: str, body: str) -> tuple[Speech | None, str]:
    """Who speaks, and the event without the agent's name before it."""
    if event.startswith(_CODEX):
        return _CODEX_SPEECH, event[len(_CODEX) :]
    if event.startswith(_GEMINI):
        return _GEMINI_SPEECH, event[len(_GEMINI) :]
    if event.startswith(_CLAUDE):
        return _CLAUDE_SPEECH, event[len(_CLAUDE) :]
    if body.startswith(_CLAUDE) and (not event or body[len(_CLAUDE) :] == event):
        return _CLAUDE_SPEECH, body[len(_CLAUDE) :]
    return (_CLAUDE_SPEECH, event) if event and scope.startswith(_CLAUDE_SCOPE) else (None, "")


def _claude(name: str, found: dict[str, str]) -> None:
    if name != "subagent_completed":  # that one is said by the thread above
        name_thread(found)
    if name.startswith("api_"):
        count_input(found)
    if name == "tool_result":
        failure(found)
    elif name == "api_error":
        found.setdefault("error.type", found.get("status_code") or "error")


def _codex(name: str, found: dict[str, str]) -> None:
    if name == "tool_result":
        failure(found)
    elif name == "sse_event" and found.get("event.kind") == "response.failed":
        found.setdefault("error.type", "response.failed")


def _gemini(name: str, found: dict[str, str]) -> None:
    if name == "api_error":
        found.setdefault("error.type", found.get("error_type") or found.get("status_code") or "error")
    elif name == "tool_call" and found.get("success") == "false" and found.get("decision") != "reject":
        found.setdefault("error.type", found.get("error_type") or "error")


_CLAUDE_SPEECH: Final = Speech(
    dialect=CLAUDE_CODE.name,
    agent=CLAUDE_AGENT,
    names={
        "gen_ai.tool.name": ("tool_name",),
        "gen_ai.tool.call.id": ("tool_use_id",),
        "gen_ai.tool.call.arguments": ("tool_input", "tool_parameters"),
        "gen_ai.request.model": ("model",),
        "gen_ai.agent.name": ("agent.name",),
        _CACHE_READ: ("cache_read_tokens",),
        _CACHE_WRITE: ("cache_creation_tokens",),
        f"{_USAGE}output_tokens": ("output_tokens",),
        "mission_control.cost_usd": ("cost_usd",),
        "mission_control.mcp.id": ("mcp_server_name", "server_name", "mcp_server.name"),
        "user.id": ("user.account_uuid",),
    },
    prompt="user_prompt",
    decides="tool_decision",
    decisions=DECISIONS,
    rule=_claude,
    calls={"api_request": "llm_call", "api_error": "llm_call", "tool_result": "tool_call"},
    modes={"permission_mode_changed": "to_mode"},
    answer="assistant_response",
)
_CODEX_SPEECH: Final = Speech(
    dialect=CODEX.name,
    agent=CODEX_AGENT,
    names={
        "gen_ai.tool.name": ("tool_name",),
        "gen_ai.tool.call.id": ("call_id",),
        "gen_ai.tool.call.arguments": ("arguments",),
        "gen_ai.tool.call.result": ("output",),
        "gen_ai.request.model": ("model",),
        f"{_USAGE}input_tokens": ("input_token_count",),
        f"{_USAGE}output_tokens": ("output_token_count",),
        f"{_USAGE}reasoning.output_tokens": ("reasoning_token_count", "codex.usage.reasoning_output_tokens"),
        _CACHE_READ: ("cached_token_count",),
        "mission_control.mcp.id": ("mcp_server",),
        "user.id": ("user.account_id", "user.email"),
    },
    prompt="user_prompt",
    decides="tool_decision",
    decisions={
        "approved": Decision("allow"),
        "approved_for_session": Decision("allow", "for_session"),
        "approved_execpolicy_amendment": Decision("allow", "policy_amended"),
        "approved_with_amendment": Decision("allow", "policy_amended"),
        "denied": Decision("deny"),
        "timed_out": Decision("deny", "timed_out"),
        "abort": Decision("deny", "abort"),
    },
    rule=_codex,
    calls={"sse_event": "llm_call", "tool_result": "tool_call"},
    modes={"conversation_starts": "approval_policy"},
)
_GEMINI_SPEECH: Final = Speech(
    dialect=GEMINI_CLI.name,
    agent="gemini-cli",
    names={
        "gen_ai.tool.name": ("function_name",),
        "gen_ai.tool.call.id": ("call_id",),
        "gen_ai.tool.call.arguments": ("function_args",),
        "gen_ai.request.model": ("model",),
        "gen_ai.agent.name": ("agent_name",),
        f"{_USAGE}input_tokens": ("input_token_count",),
        f"{_USAGE}output_tokens": ("output_token_count",),
        f"{_USAGE}reasoning.output_tokens": ("thoughts_token_count",),
        _CACHE_READ: ("cached_content_token_count",),
        "mission_control.mcp.id": ("mcp_server_name",),
        "user.id": ("user.email",),
    },
    prompt="user_prompt",
    decides="tool_call",
    decisions={
        "accept": Decision("allow", source="user"),
        "reject": Decision("deny", source="user"),
        "modify": Decision("allow", "modified", "user"),
        "auto_accept": Decision("allow", source="config"),
    },
    rule=_gemini,
    calls={"api_response": "llm_call", "tool_call": "tool_call"},
    modes={"config": "approval_mode", "approval_mode_switch": "to_mode", "plan.approval_mode_switch": "to_mode"},
)
SPEECHES: Final = (_CLAUDE_SPEECH, _CODEX_SPEECH, _GEMINI_SPEECH)
"""All of them, for the docs."""
