"""Log events of the coding agents, in canonical attributes beside their own. What they decide about tools is a permission check.

A model call that is known by its log event alone (`api_request`, `codex.sse_event`, `gemini_cli.api_response`) gets its
canonical attributes here and is no step yet.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pipeline.dialects.claude_code import CLAUDE_CODE, REDACTED, count_input, failure, fill, name_thread
from pipeline.dialects.codex import CODEX
from pipeline.dialects.gemini_cli import GEMINI_CLI

_CLAUDE_SCOPE, _CLAUDE, _CODEX, _GEMINI = "com.anthropic.claude_code", "claude_code.", "codex.", "gemini_cli."
_USAGE: Final = "gen_ai.usage."
_CACHE_READ, _CACHE_WRITE = f"{_USAGE}cache_read.input_tokens", f"{_USAGE}cache_creation.input_tokens"


class Decision(NamedTuple):
    """`result` allow or deny; `reason_code` says what allow and deny do not; `source` is the one a decision word implies."""

    result: str
    reason_code: str = ""
    source: str = ""


class Speech(NamedTuple):
    """How one agent's events are read: canonical attribute -> its own, and by event what it decides and more."""

    dialect: str
    names: Mapping[str, tuple[str, ...]]
    prompt: str
    """Event whose `prompt` is what the user said."""
    decides: str
    """Event with a `decision` about a tool."""
    decisions: Mapping[str, Decision]
    rule: Callable[[str, dict[str, str]], None]


_SOURCES: Final[Mapping[str, Decision]] = {"user_abort": Decision("deny", "abort", "user")}
"""A source that says more than who."""


def translate_log(scope: str, event: str, found: dict[str, str], body: str) -> str:
    """Add the canonical attributes of one log record to `found`; returns the dialect's name, '' for what is none of theirs.

    `event` is the record's own name or its `event.name`; an event named by its body alone gets that as `event.name`.
    A decision about a tool has `permission.result` afterwards. Nothing is removed or changed; never raises.
    """
    speech, name = _speech(scope, event, body)
    if speech is None:
        return ""
    if not event:
        found.setdefault("event.name", f"{_CLAUDE}{name}")
    fill(found, speech.names)
    if name == speech.prompt and (prompt := found.get("prompt")) and prompt not in REDACTED:
        found.setdefault("mission_control.user_input", prompt)
    speech.rule(name, found)
    if name == speech.decides:
        _decide(speech.decisions, found)
    return speech.dialect


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


def _decide(decisions: Mapping[str, Decision], found: dict[str, str]) -> None:
    """The attributes of a `permission.check`; none for a word that is no decision."""
    decision = decisions.get(found.get("decision", "").lower())
    if decision is None:
        return
    said = found.get("source", "").lower()
    decision = _SOURCES.get(said, decision)
    source = "user" if said.startswith("user") else said if said in ("config", "hook") else decision.source
    about = {
        "permission.check.id": found.get("gen_ai.tool.call.id", ""),
        "permission.resource.type": "tool",
        "permission.resource.id": found.get("gen_ai.tool.name", ""),
        "permission.action": "execute",
        "permission.result": decision.result,
        "permission.source": source,
        "permission.reason_code": decision.reason_code,
    }
    for attribute, value in about.items():
        if value:
            found.setdefault(attribute, value)


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


def _gemini(name: str, found: dict[str, str]) -> None:
    if name == "api_error":
        found.setdefault("error.type", found.get("error_type") or found.get("status_code") or "error")
    elif name == "tool_call" and found.get("success") == "false" and found.get("decision") != "reject":
        found.setdefault("error.type", found.get("error_type") or "error")


_CLAUDE_SPEECH: Final = Speech(
    dialect=CLAUDE_CODE.name,
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
    decisions={"accept": Decision("allow"), "reject": Decision("deny"), "cancelled": Decision("deny", "cancelled")},
    rule=_claude,
)
_CODEX_SPEECH: Final = Speech(
    dialect=CODEX.name,
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
)
_GEMINI_SPEECH: Final = Speech(
    dialect=GEMINI_CLI.name,
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
)
