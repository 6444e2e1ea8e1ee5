"""Google's Agent Development Kit (scope `gcp.vertex.agent`): requests and responses of Gemini as JSON, the rest in names of spans."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.turns import MOST_MESSAGES, Message, count, first, parsed, put, put_count, put_messages, text, tool_call, tool_result

_ADK: Final = "gcp.vertex.agent."
_OF_A_NAME: Final = re.compile(r"(agent_run|invoke_agent|execute_tool)[ ]\[?([^\[\]]{1,500})\]?")
_OPERATIONS: Final = {
    "agent_run": ("invoke_agent", "gen_ai.agent.name"),
    "invoke_agent": ("invoke_agent", "gen_ai.agent.name"),
    "execute_tool": ("execute_tool", "gen_ai.tool.name"),
}
_ID_OF_THE_KIT: Final = "adk-"


def from_name(span: SpanFacts) -> None:
    """Names of spans say the operation: `invocation`, `agent_run [x]`, `call_llm`, `execute_tool x`."""
    if span.name == "invocation":
        put(span.found, "gen_ai.operation.name", "invoke_workflow")
    elif span.name == "call_llm":
        put(span.found, "gen_ai.operation.name", "chat")
    elif matched := _OF_A_NAME.fullmatch(span.name):
        operation, named = _OPERATIONS[matched[1]]
        put(span.found, "gen_ai.operation.name", operation)
        put(span.found, named, matched[2])


def request(span: SpanFacts) -> None:
    """`gcp.vertex.agent.llm_request`, JSON: model, agent, instructions, messages."""
    sent = _object(parsed(span.found.get(_ADK + "llm_request")))
    config = _object(sent.get("config"))
    if isinstance(model := sent.get("model"), str):
        put(span.found, "gen_ai.request.model", model)
    if isinstance(agent := _object(config.get("labels")).get("adk_agent_name"), str):
        put(span.found, "gen_ai.agent.name", agent)
    put_messages(span.found, "gen_ai.system_instructions", _instructions(config.get("system_instruction")))
    contents = sent.get("contents")
    if isinstance(contents, list):
        put_messages(
            span.found, "gen_ai.input.messages", [said for item in contents[:MOST_MESSAGES] if (said := _content(item)) is not None]
        )


def response(span: SpanFacts) -> None:
    """`gcp.vertex.agent.llm_response`, JSON: the answer, why it ended, its tokens, its error."""
    got = _object(parsed(span.found.get(_ADK + "llm_response")))
    if isinstance(model := got.get("model_version"), str):
        put(span.found, "gen_ai.response.model", model)
    if isinstance(error := got.get("error_code"), str):
        put(span.found, "error.type", error)
    reason = got.get("finish_reason")
    if isinstance(reason, str):
        put(span.found, "gen_ai.response.finish_reasons", reason.lower())
    if (said := _content(got.get("content"), "model")) is not None:
        ended = {"finish_reason": reason.lower()} if isinstance(reason, str) else {}
        put_messages(span.found, "gen_ai.output.messages", [{**said, **ended}])
    _usage(span.found, _object(got.get("usage_metadata")))


def _usage(found: dict[str, str], usage: Mapping[str, Any]) -> None:
    """Gemini counts cached tokens into the prompt, and thoughts beside the answer."""
    thoughts = count(usage.get("thoughts_token_count"))
    put_count(found, "gen_ai.usage.input_tokens", count(usage.get("prompt_token_count")))
    put_count(found, "gen_ai.usage.output_tokens", count(usage.get("candidates_token_count")) + thoughts)
    put_count(found, "gen_ai.usage.cache_read.input_tokens", count(usage.get("cached_content_token_count")))
    put_count(found, "gen_ai.usage.reasoning.output_tokens", thoughts)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _instructions(said: Any) -> list[Message]:
    if isinstance(said, dict) and isinstance(said.get("parts"), list):
        said = said["parts"]
    listed = said if isinstance(said, list) else [said] if said else []
    return [_part(item) if isinstance(item, dict) else text(item) for item in listed[:MOST_MESSAGES]]


def _content(value: Any, role: str = "user") -> Message | None:
    """Results of tools come back as the user's; the message is the tool's then."""
    parts = _object(value).get("parts")
    if not isinstance(parts, list) or not parts:
        return None
    translated = [_part(item) for item in parts[:MOST_MESSAGES]]
    named = value.get("role")
    role = named if isinstance(named, str) and named else role
    return {
        "role": "tool" if all(one["type"] == "tool_call_response" for one in translated) else _ROLES.get(role, role),
        "parts": translated,
    }


_ROLES: Final = {"model": "assistant"}


def _part(item: Any) -> Message:
    whole = _object(item)
    if called := _object(first(whole, ("function_call", "functionCall"))):
        return tool_call(_identity(called), called.get("name"), called.get("args"))
    if result := _object(first(whole, ("function_response", "functionResponse"))):
        return tool_result(_identity(result), result.get("name"), result.get("response"))
    if isinstance(said := whole.get("text"), str):
        return {"type": "reasoning", "content": said} if whole.get("thought") is True else text(said)
    return {"type": "other", "content": item}


def _identity(call: Mapping[str, Any]) -> Any:
    """The kit makes up ids and takes them out of the history it sends: with them a call and its repetition would be two messages."""
    identity = call.get("id")
    return None if isinstance(identity, str) and identity.startswith(_ID_OF_THE_KIT) else identity


GOOGLE_ADK: Final = Dialect(
    name="google-adk",
    title="Google Agent Development Kit",
    scopes=("gcp.vertex.agent",),
    markers=frozenset(
        _ADK + name
        for name in ("llm_request", "llm_response", "tool_call_args", "tool_response", "invocation_id", "event_id", "session_id")
    ),
    names={
        "gen_ai.tool.call.arguments": (_ADK + "tool_call_args",),
        "gen_ai.tool.call.result": (_ADK + "tool_response",),
    },
    rules=(from_name, request, response),
    histories=(_ADK + "llm_request", _ADK + "llm_response", _ADK + "data"),
    switch_on="`adk web`/`adk api_server` with OTEL_EXPORTER_OTLP_ENDPOINT set, or a tracer provider with an OTLP exporter before the runner is made.",
)
