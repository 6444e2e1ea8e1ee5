"""The dozen MCP servers of the fleet: their tools, how long they take, what they answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Tool:
    """One tool. `seconds`: shortest and longest run. `answers`: templates, filled with the call's arguments."""

    name: str
    description: str
    parameters: tuple[str, ...]
    seconds: tuple[float, float]
    answers: tuple[str, ...]
    failure: str = "upstream answered 503 Service Unavailable"

    @property
    def schema(self) -> dict[str, object]:
        """JSON schema of its arguments: all text, all required."""
        properties = {name: {"type": "string"} for name in self.parameters}
        return {"type": "object", "properties": properties, "required": list(self.parameters)}


def _read() -> dict[str, tuple[Tool, ...]]:
    stored = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {server: tuple(_tool(fields) for fields in tools) for server, tools in stored.items()}


def _tool(fields: dict[str, Any]) -> Tool:
    frozen: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Tool(**frozen)


TOOLSETS = _read()
