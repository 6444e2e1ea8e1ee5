"""Gemini CLI: nearly the standard vocabulary, with operations of its own and requests in the form of Google's API."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from pipeline.dialects.dialect import Dialect, SpanFacts

ENTITIES: Final[Mapping[str, str]] = {"agent_call": "agent", "user_prompt": "agent", "tool_call": "tool"}
"""Operation -> entity type. `llm_call` is known by its model; the operation stays as it was said."""
_INPUT, _OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"


def _entity(span: SpanFacts) -> None:
    """Its operations `agent_call`, `llm_call`, `tool_call` and more say the type; a tool call has its arguments and result in its messages."""
    found = span.found
    operation = found.get("gen_ai.operation.name") or span.name
    if entity := ENTITIES.get(operation):
        found.setdefault("mission_control.entity.type", entity)
    if operation == "tool_call":
        _tool(found)
    elif operation == "llm_call":
        if "gen_ai.system" not in found:
            found.setdefault("gen_ai.provider.name", "gcp.gen_ai")
        _user_input(found)


def _tool(found: dict[str, str]) -> None:
    """What went in and out of a tool is said where messages belong: the request with its arguments, the whole completed call."""
    request, done = _data(found.get(_INPUT)), _data(found.get(_OUTPUT))
    if isinstance(request, dict) and (text := _dump(request.get("args"))):
        found.setdefault("gen_ai.tool.call.arguments", text)
    if isinstance(done, dict) and (text := _dump(done.get("response"))):
        found.setdefault("gen_ai.tool.call.result", text)


def _user_input(found: dict[str, str]) -> None:
    """The text of the last message of the user; answers of tools have that role too, but no text."""
    contents = _data(found.get(_INPUT))
    if isinstance(contents, str):
        text = contents
    else:
        said = (_text(one) for one in reversed(contents if isinstance(contents, list) else [contents]))
        text = next((words for words in said if words), "")
    if text:
        found.setdefault("mission_control.user_input", text)


def _text(content: Any) -> str:
    if isinstance(content, dict) and content.get("role", "user") == "user":
        return "\n".join(_texts(content.get("parts")))
    return ""


def _texts(parts: Any) -> Iterator[str]:
    for part in parts if isinstance(parts, list) else [parts]:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str) and text:
            yield text


def _data(value: str | None) -> Any:
    """JSON as data. Long values arrive cut off: then there is none."""
    if not value:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _dump(data: Any) -> str:
    if data is None or isinstance(data, str):
        return data or ""
    try:
        return orjson.dumps(data).decode()
    except TypeError:  # nested deeper than orjson writes
        return ""


GEMINI_CLI: Final = Dialect(
    name="gemini_cli",
    title="Gemini CLI",
    scopes=("gemini-cli",),
    names={
        "gen_ai.tool.call.id": ("gen_ai.tool.call_id",),
        "mission_control.mcp.id": ("mcp_server_name",),
        "user.id": ("user.email",),
    },
    rules=(_entity,),
    also_in_logs=True,
    switch_on=(
        'In ~/.gemini/settings.json: {"telemetry": {"enabled": true, "target": "local", "otlpEndpoint": "http://127.0.0.1:4318", '
        '"otlpProtocol": "http", "traces": true}}\n'
        "Prompts are sent unless logPrompts is false"
    ),
)
