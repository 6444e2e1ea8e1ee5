"""Messages as chat APIs and LangChain write them in JSON, put in the form of `gen_ai.input.messages`."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

LIMIT: Final = 10_000
"""Messages of one attribute, parts of one message: what comes after is left out."""
DEPTH: Final = 8
"""Lists and wrappers around a message."""
_WRAPPERS: Final = ("messages", "generations", "choices", "output", "input", "prompts", "prompt", "text")
_INSTRUCTIONS: Final = ("system", "instructions")
_LANGCHAIN: Final[Mapping[str, str]] = {
    "human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool", "developer": "system",
}  # fmt: skip
_SPOKEN: Final = frozenset({"user", "human", "assistant", "ai", "system", "tool", "developer"})
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})
_TOOL_ROLES: Final = frozenset({"tool", "function"})


def parsed(value: str) -> Any:
    """The JSON that the text holds; the text itself when it holds none."""
    if value[:1] not in ("[", "{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def write(found: dict[str, str], attribute: str, messages: list[dict[str, Any]]) -> None:
    """Set the attribute, unless the sender did or nothing was said, or it nests deeper than JSON is written."""
    spoken = [said for said in messages if said["parts"]]
    if spoken and attribute not in found:
        try:
            found[attribute] = orjson.dumps(spoken).decode()
        except orjson.JSONEncodeError:
            return


def messages_in(value: Any, role: str) -> list[dict[str, Any]]:
    """All messages in JSON data of any known shape, in order; `role` is that of what names none."""
    said: list[dict[str, Any]] = []
    _collect(value, role, said, DEPTH)
    return said


def last_user_text(value: Any) -> str:
    """What the user said last in JSON data, or the data itself if it is a text; '' when neither."""
    for said in reversed(messages_in(value, "user")):
        if said["role"] == "user":
            texts = [part.get("content") for part in said["parts"] if part.get("type") == "text"]
            return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def message(value: Mapping[str, Any], role: str) -> dict[str, Any]:
    """One message of a chat API: `{role, content, tool_calls, tool_call_id, name}`, OpenAI's, Anthropic's or LangChain's."""
    role = _role(value) or role
    content = value.get("content", value.get("parts"))
    answers = value.get("tool_call_id")
    if role in _TOOL_ROLES or isinstance(answers, str):
        return {"role": role, "parts": [_response(answers, content, value.get("name"))]}
    parts = _parts(content)
    known = {said for part in parts if part.get("type") == "tool_call" and isinstance(said := part.get("id"), str)}
    parts.extend(call for call in calls(value) if not isinstance(call.get("id"), str) or call["id"] not in known)
    spoken: dict[str, Any] = {"role": role, "parts": parts}
    if reason := _finish_reason(value):
        spoken["finish_reason"] = reason
    return spoken


def plain_message(role: str, content: str) -> dict[str, Any]:
    """What `message` makes of one that has nothing but a role and a text."""
    if role in _TOOL_ROLES:
        return {"role": role, "parts": [{"type": "tool_call_response", "response": content}]}
    return {"role": role, "parts": [{"type": "text", "content": content}] if content else []}


def _collect(value: Any, role: str, said: list[dict[str, Any]], depth: int) -> None:
    if len(said) >= LIMIT or depth <= 0 or not value:
        return
    if isinstance(value, str):
        said.append({"role": role, "parts": [{"type": "text", "content": value}]})
    elif isinstance(value, dict):
        _collect_one(value, role, said, depth)
    elif isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str) and value[0] in _SPOKEN:
            said.append(message({"type": value[0], "content": value[1]}, value[0]))
            return
        for item in value:
            _collect(item, role, said, depth - 1)


def _collect_one(value: dict[str, Any], role: str, said: list[dict[str, Any]], depth: int) -> None:
    inner = value.get("kwargs", value.get("data"))
    if depth <= 0:
        return
    if isinstance(inner, dict) and ("lc" in value or "type" in value):
        _collect_one({"type": _class_name(value), **inner} if "lc" in value else {**inner, "type": value["type"]}, role, said, depth - 1)
    elif isinstance(value.get("message"), dict):
        before = len(said)
        _collect(value["message"], role, said, depth - 1)
        if len(said) > before and (reason := _finish_reason(value)):
            said[-1].setdefault("finish_reason", reason)
    elif value.get("type") in ("function_call", "function_call_output"):
        said.append(_responses_item(value))
    elif _role(value) and ("content" in value or "parts" in value or "tool_calls" in value):
        said.append(message(value, role))
    else:
        _unwrap(value, role, said, depth)


def _unwrap(value: dict[str, Any], role: str, said: list[dict[str, Any]], depth: int) -> None:
    if role == "user":
        said.extend({"role": "system", "parts": _parts(value[name])} for name in _INSTRUCTIONS if value.get(name))
    for name in _WRAPPERS:
        if value.get(name):
            _collect(value[name], role, said, depth - 1)
            return


def _class_name(value: dict[str, Any]) -> str:
    """`human` of LangChain's `["langchain", "schema", "messages", "HumanMessage"]`."""
    path = value.get("id")
    name = path[-1] if isinstance(path, list) and path else ""
    return name.partition("Message")[0].lower() if isinstance(name, str) else ""


def _role(value: Mapping[str, Any]) -> str:
    role = value.get("role")
    if isinstance(role, str) and role:
        return role
    kind = value.get("type")
    return _LANGCHAIN.get(kind.partition("Message")[0].lower(), "") if isinstance(kind, str) else ""


def _finish_reason(value: Mapping[str, Any]) -> str:
    for place in (value, value.get("generation_info"), value.get("response_metadata")):
        if isinstance(place, dict):
            for name in ("finish_reason", "stop_reason"):
                if isinstance(place.get(name), str):
                    return str(place[name])
    return ""


def _responses_item(value: dict[str, Any]) -> dict[str, Any]:
    """An item of OpenAI's Responses that is no message."""
    if value["type"] == "function_call":
        return {"role": "assistant", "parts": [_call(value.get("call_id"), value)]}
    return {"role": "tool", "parts": [_response(value.get("call_id"), value.get("output"), None)]}


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if isinstance(content, dict):
        return [_part(content)]
    return [_part(item) for item in content[:LIMIT]] if isinstance(content, list) else []


def _part(item: Any) -> dict[str, Any]:
    """A content block of OpenAI's, Anthropic's or Gemini's; what is unknown stays as it is."""
    if not isinstance(item, dict):
        return {"type": "text" if isinstance(item, str) else "json", "content": item}
    kind = item.get("type", "text")
    if not isinstance(kind, str):
        return item
    if kind in _TEXTS and isinstance(text := item.get("text", item.get("content")), str):
        return {"type": "text", "content": text}
    if kind == "tool_use":
        return _call(item.get("id"), {"name": item.get("name"), "arguments": item.get("input")})
    if kind == "tool_result":
        return _response(item.get("tool_use_id"), item.get("content"), None)
    if kind == "thinking":
        return {"type": "reasoning", "content": item.get("thinking")}
    if kind == "image_url":
        address = item.get("image_url")
        return {"type": "uri", "modality": "image", "uri": address.get("url") if isinstance(address, dict) else address}
    return item


def calls(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parts for the tool calls that a message has beside its content."""
    more = value.get("additional_kwargs")
    calls = value.get("tool_calls") or (more.get("tool_calls") if isinstance(more, dict) else None)
    if not isinstance(calls, list):
        calls = [call] if isinstance(call := value.get("function_call"), dict) else []
    return [_call(call.get("id"), call.get("function", call)) for call in calls[:LIMIT] if isinstance(call, dict)]


def _call(call_id: Any, function: Any) -> dict[str, Any]:
    said = function if isinstance(function, dict) else {}
    arguments = said.get("arguments", said.get("args"))
    call = {"type": "tool_call", "id": call_id, "name": said.get("name")}
    call["arguments"] = parsed(arguments) if isinstance(arguments, str) else arguments
    return {name: item for name, item in call.items() if item is not None}


def _response(call_id: Any, content: Any, name: Any) -> dict[str, Any]:
    said = {"type": "tool_call_response", "id": call_id, "name": name, "response": content}
    return {key: item for key, item in said.items() if item is not None}
