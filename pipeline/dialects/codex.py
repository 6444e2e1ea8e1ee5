"""Codex: a span per turn with the totals of its model calls, a span per response with its own usage, a span per tool call."""

from typing import Final

from pipeline.dialects.dialect import Dialect, SpanFacts

AGENT: Final = "codex"
TURN: Final = "session_task.turn"
_TURN_USAGE: Final = "codex.turn.token_usage."
_USAGE_OF_TURN: Final = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cached_input_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_input_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_output_tokens",
}


def _thread(span: SpanFacts) -> None:
    """`thread.id` is the conversation here; a number is the thread of the operating system, as everywhere else."""
    thread = span.found.get("thread.id", "")
    if thread and not thread.lstrip("-").isdigit():
        span.found.setdefault("mission_control.thread.id", thread)


def _operation(span: SpanFacts) -> None:
    """A turn is the agent and has the tokens of `codex.turn.token_usage.*`; what has tokens of its own is a call of a model, what names a tool or
    `call_id` a tool call."""
    found = span.found
    if span.name == TURN or f"{_TURN_USAGE}input_tokens" in found:
        _turn(found)
    elif "gen_ai.usage.input_tokens" in found or "gen_ai.usage.output_tokens" in found:
        _call(found)
    else:
        _tool(found)


def _turn(found: dict[str, str]) -> None:
    """The agent's work on one request. Its tokens are those of its calls again, so it is no call itself."""
    found.setdefault("gen_ai.operation.name", "invoke_agent")
    found.setdefault("gen_ai.agent.name", AGENT)
    _model(found)
    for canonical, name in _USAGE_OF_TURN.items():
        if value := found.get(_TURN_USAGE + name):
            found.setdefault(canonical, value)


def _call(found: dict[str, str]) -> None:
    found.setdefault("gen_ai.operation.name", "chat")
    _model(found)


def _model(found: dict[str, str]) -> None:
    if model := found.get("model"):
        found.setdefault("gen_ai.request.model", model)
    if "gen_ai.system" not in found:
        found.setdefault("gen_ai.provider.name", "openai")


def _tool(found: dict[str, str]) -> None:
    """A span that names both a tool and a call; responses name the tool that they ask for, without a call."""
    name = found.get("tool_name") or found.get("tool.name")
    call = found.get("call_id") or found.get("tool.call_id")
    if name and call:
        found.setdefault("gen_ai.operation.name", "execute_tool")
        found.setdefault("gen_ai.tool.name", name)
        found.setdefault("gen_ai.tool.call.id", call)
        if found.get("aborted") == "true":
            found.setdefault("mission_control.step.status", "cancelled")


CODEX: Final = Dialect(
    name="codex",
    title="OpenAI Codex (command line, exec, desktop and editor extension)",
    scopes=("codex",),
    markers=frozenset(
        {
            f"{_TURN_USAGE}input_tokens",
            f"{_TURN_USAGE}total_tokens",
            "codex.turn.reasoning_effort",
            "codex.request.reasoning_effort",
            "codex.usage.total_tokens",
        }
    ),
    names={
        "gen_ai.usage.reasoning.output_tokens": ("codex.usage.reasoning_output_tokens",),
        "mission_control.mcp.id": ("mcp.server.name", "mcp_server"),
        "user.id": ("user.account_id", "user.email"),
    },
    rules=(_thread, _operation),
    also_in_logs=True,
    switch_on=(
        "In ~/.codex/config.toml (a project's own is not read): [otel] with exporter and trace_exporter = "
        '{ otlp-http = { endpoint = "http://127.0.0.1:4318/v1/logs", protocol = "binary" } }, for traces /v1/traces\n'
        "log_user_prompt = true for prompts; tool arguments and output are always in its logs"
    ),
)
