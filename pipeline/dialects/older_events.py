"""What OpenTelemetry's GenAI conventions said in events before messages were attributes: as span events and as log records.

Up to 1.36 a message was an event of its own (`gen_ai.user.message`, `gen_ai.choice`), before that all contents of a direction were
one (`gen_ai.content.prompt`). The data lies in the attributes, in a JSON text in one of them, or in the body of a log record.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipeline.dialects.chat import message, messages_in, parsed, write
from pipeline.dialects.dialect import SpanEvent

BEGINNING: Final = "gen_ai."
_ROLES: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
_CHOICE: Final = "gen_ai.choice"
_WHOLE: Final[Mapping[str, tuple[str, str]]] = {
    "gen_ai.content.prompt": ("gen_ai.prompt", "user"),
    "gen_ai.content.completion": ("gen_ai.completion", "assistant"),
}
DETAILS: Final = "gen_ai.client.inference.operation.details"
"""The event of today: its attributes are those of a span."""
_INPUT, _OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
_IN_ONE: Final = ("gen_ai.event.content", "event_body", "body")
"""Attributes that hold a whole event as JSON, where events have no body."""
_WORDS: Final = ("content", "role", "tool_calls", "id", "index", "finish_reason", "message", "name")
_SPEAKER: Final = re.compile(r"(?:^|\n)(system|developer|user|assistant|tool): ")
_STRUCTURED: Final = ("tool_calls", "message")
EVENTS: Final = frozenset({*_ROLES, *_WHOLE, DETAILS})


def read_span_events(events: Iterable[SpanEvent], found: dict[str, str]) -> None:
    """Add the messages that a span's events tell; those in its attributes win."""
    given: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for event in events:
        if not event.name.startswith(BEGINNING) or event.name not in EVENTS:
            continue
        said = event.attributes
        if event.name == DETAILS:
            for name, value in said.items():
                found.setdefault(name, value)
        elif about := _WHOLE.get(event.name):
            side = given if about[1] == "user" else answers
            side.extend(whole(said.get(about[0], ""), about[1]))
        elif spoken := _message(event.name, _data(said)):
            (answers if event.name == _CHOICE else given).append(spoken)
    write(found, _INPUT, given)
    write(found, _OUTPUT, answers)


def read_log_event(event: str, found: dict[str, str], body: str) -> bool:
    """Add the message that a log record tells, as the attribute that it would be on a span; whether it is such a record."""
    if event == DETAILS:
        if body.startswith("{"):
            _from_body(found, body)
        return True
    if event not in _ROLES:
        return False
    said = parsed(body)
    if spoken := _message(event, said if isinstance(said, dict) and said else _data(found)):
        write(found, _OUTPUT if event == _CHOICE else _INPUT, [spoken])
    return True


def _from_body(found: dict[str, str], body: str) -> None:
    """Some senders put the attributes of the operation's details into the record's body."""
    said = parsed(body)
    for name, direction in ((_INPUT, "user"), (_OUTPUT, "assistant")):
        if isinstance(said, dict) and (value := said.get(name)):
            write(found, name, messages_in(value, direction))


def whole(value: str, role: str) -> list[dict[str, Any]]:
    """All that was said in one direction: JSON of any known shape, lines that begin with who speaks, or a text."""
    data = parsed(value)
    if isinstance(data, str) and (parts := _SPEAKER.split(data))[0] == "" and len(parts) > 1:
        return [{"role": who, "parts": [{"type": "text", "content": words}]} for who, words in zip(parts[1::2], parts[2::2], strict=True)]
    return (messages_in(data, role) or messages_in(value, role)) if value else []


def _data(said: Mapping[str, str]) -> dict[str, Any]:
    """What an event says about its message: JSON in one attribute, or attribute by attribute."""
    for name in _IN_ONE:
        if isinstance(whole := parsed(said.get(name, "")), dict):
            return whole
    data: dict[str, Any] = {word: value for word in _WORDS if (value := said.get(word) or said.get(BEGINNING + word))}
    data |= {word: parsed(data[word]) for word in _STRUCTURED if word in data}
    return data if {"content", "tool_calls", "message"} & data.keys() else {}


def _calls(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Arguments as they were sent: some senders say the same on the span, and then it is the same message."""
    listed = data.get("tool_calls")
    calls = []
    for call in listed if isinstance(listed, list) else ():
        if isinstance(call, dict):
            function = call.get("function")
            said = function if isinstance(function, dict) else call
            part = {"type": "tool_call", "id": call.get("id"), "name": said.get("name"), "arguments": said.get("arguments")}
            calls.append({name: value for name, value in part.items() if value is not None})
    return calls


def _message(event: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """One message; None when its content was not sent."""
    role = _ROLES[event]
    inner = data.get("message")
    if event == _CHOICE and inner:
        said = inner if isinstance(inner, dict) else {"content": inner}
        beside = {name: data[name] for name in ("finish_reason", "tool_calls") if name in data}
        data = {**beside, **said}
    if role == "tool":
        data = {"tool_call_id": data.get("id"), **data}
    spoken = message({**data, "role": data.get("role") or role, "tool_calls": None}, role)
    spoken["parts"] += _calls(data)
    return spoken if spoken["parts"] and ("content" in data or "tool_calls" in data or "parts" in data) else None
