"""Chat messages as JSON, in the shapes that SDKs write them, put into the form of `gen_ai.input.messages`.

Equal messages come out equal whichever way they came, so that a thread holds an answer and its repetition in the next call once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from pipeline.values import integer

MOST_MESSAGES: Final = 10_000
MOST_TOKENS: Final = 2**53
_TEXTS: Final = ("text", "input_text", "output_text")
_THOUGHTS: Final = ("reasoning", "thinking")
_CALLS: Final = ("tool-call", "tool_use", "function_call")
_RESULTS: Final = ("tool-result", "tool_result", "function_call_output")

Message = dict[str, Any]


def parsed(said: str | None) -> Any:
    """The value that JSON text stands for; None when it is no JSON."""
    if not said:
        return None
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError:
        return None


def written(value: Any) -> str:
    """JSON of a value; '' for what is nested deeper than orjson writes."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return ""


def put(found: dict[str, str], canonical: str, value: str) -> None:
    """Add one attribute unless the sender said it, or there is nothing to say."""
    if value and canonical not in found:
        found[canonical] = value


def put_messages(found: dict[str, str], canonical: str, messages: Sequence[Message]) -> None:
    if messages and canonical not in found:
        put(found, canonical, written(messages))


def put_count(found: dict[str, str], canonical: str, count: int) -> None:
    put(found, canonical, str(count) if count else "")


def count(value: Any) -> int:
    """A number of tokens from JSON or from an attribute's text; 0 for what is none."""
    if isinstance(value, str):
        value = integer(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MOST_TOKENS:
        return 0
    return int(value)


def first_count(found: Mapping[str, Any], names: Iterable[str]) -> int:
    """The first of these that is a number of tokens; 0 when none is."""
    for name in names:
        if (said := found.get(name)) and (tokens := count(said)):
            return tokens
    return 0


def total_input(own: int, cached: int, output: int, total: int) -> int:
    """Input tokens with the cached ones, from a sender who may count them in or beside: the total tells, else only what is impossible does."""
    beside = total >= own + cached + output if total else cached > own
    return own + cached if beside else own


def messages(value: Any, role: str = "user") -> list[Message]:
    """Messages of a list of them, of `{"messages": […]}`, of one, or of a text. `role` is that of what names none."""
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    if value is None:
        return []
    entries = value if isinstance(value, list) else [value]
    return [said for entry in entries[:MOST_MESSAGES] if (said := message(entry, role)) is not None]


def message(entry: Any, role: str = "user") -> Message | None:
    """One message; None for nothing."""
    if isinstance(entry, dict):
        named = entry.get("role")
        role = named if isinstance(named, str) and named else role
        parts = _parts_of(entry)
    else:
        parts = [] if entry is None or entry == "" else [text(entry)]
    return {"role": role, "parts": parts} if parts else None


def text(value: Any) -> Message:
    return {"type": "text", "content": value if isinstance(value, str) else written(value)}


def tool_call(identity: Any, name: Any, arguments: Any) -> Message:
    """Arguments that come as JSON text come out as what it stands for."""
    known = parsed(arguments) if isinstance(arguments, str) else None
    return {"type": "tool_call", "id": identity, "name": name, "arguments": arguments if known is None else known}


def tool_result(identity: Any, name: Any, response: Any) -> Message:
    named = {"name": name} if name else {}
    return {"type": "tool_call_response", "id": identity, **named, "response": response}


def tool_calls(value: Any) -> list[Message]:
    """Calls in the list beside a message's content: `{toolCallId, toolName, input}` or `{id, function: {name, arguments}}`."""
    return [_call(entry) for entry in value[:MOST_MESSAGES] if isinstance(entry, dict)] if isinstance(value, list) else []


def last_user_text(value: Any) -> str:
    """What the last message of the user says; '' when none does."""
    for said in reversed(messages(value)):
        if said["role"] == "user":
            texts = (part.get("content") for part in said["parts"] if isinstance(part, dict))
            return "\n".join(one for one in texts if isinstance(one, str))
    return ""


def _parts_of(entry: Mapping[str, Any]) -> list[Any]:
    content = entry.get("parts") if isinstance(entry.get("parts"), list) else entry.get("content")
    if entry.get("role") == "tool" and "tool_call_id" in entry:
        return [tool_result(entry["tool_call_id"], entry.get("name"), content)]
    if isinstance(content, list):
        parts = [part(item) for item in content[:MOST_MESSAGES]]
    elif content is None or content == "":
        parts = []
    else:
        parts = [text(content)]
    parts.extend(tool_calls(entry.get("tool_calls")))
    if not parts and not {"content", "parts", "tool_calls"} & entry.keys() and (rest := _without_role(entry)):
        return [part(rest)]
    return parts


def _without_role(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "role"}


def part(item: Any) -> Any:
    """One part of a message; what has a form of its own stays as it is."""
    if not isinstance(item, dict):
        return text(item)
    kind = item.get("type")
    if kind == "text" and isinstance(said := item.get("text"), str):
        return {"type": "text", "content": said}
    if kind in _TEXTS or (kind is None and isinstance(item.get("text"), str)):
        return text(first(item, ("text", "content")) or "")
    if kind in _THOUGHTS:
        return {"type": "reasoning", "content": first(item, ("text", "content", "thinking", "reasoning")) or ""}
    if kind in _CALLS:
        return _call(item)
    if kind in _RESULTS:
        return _result(item)
    if kind == "image" and isinstance(item.get("image"), str) and item["image"].startswith("http"):
        return {"type": "uri", "modality": "image", "uri": item["image"]}
    return item if isinstance(kind, str) else text(item)


def first(item: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of these that is there; None when none is."""
    for name in names:
        if (said := item.get(name)) is not None:
            return said
    return None


def _call(item: Mapping[str, Any]) -> Message:
    function = item.get("function")
    inner = function if isinstance(function, dict) else item
    return tool_call(
        first(item, ("toolCallId", "tool_call_id", "call_id", "id")),
        first(inner, ("toolName", "name")),
        first(inner, ("input", "args", "arguments")),
    )


def _result(item: Mapping[str, Any]) -> Message:
    response = first(item, ("output", "result", "content"))
    if isinstance(response, dict) and response.keys() == {"type", "value"}:
        response = response["value"]
    return tool_result(first(item, ("toolCallId", "tool_use_id", "tool_call_id", "call_id")), first(item, ("toolName", "name")), response)
