"""Messages of a history, in the shape of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def message(role: str, *parts: Mapping[str, Any]) -> dict[str, Any]:
    """One message; role system, user, assistant or tool."""
    return {"role": role, "parts": list(parts)}


def text(content: str) -> dict[str, Any]:
    """Part: text."""
    return {"type": "text", "content": content}


def tool_request(call_id: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Part of an assistant's message: it wants a tool called."""
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": dict(arguments)}


def tool_response(call_id: str, response: str) -> dict[str, Any]:
    """Part of a tool's message: what the call gave."""
    return {"type": "tool_call_response", "id": call_id, "response": response}
