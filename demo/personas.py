"""The agents by name: which model they use and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from demo.toolsets import TOOLSETS


@dataclass(frozen=True)
class Persona:
    """A named agent. `capabilities`: what it may call, as `server.tool` or `server.*`."""

    name: str
    provider: str
    model: str
    system: str
    capabilities: tuple[str, ...]

    @cached_property
    def tools(self) -> tuple[Mapping[str, object], ...]:
        """Definitions of the tools it is offered, as a model is told of them."""
        offered = [(f"{server}.{tool.name}", tool) for server, tools in TOOLSETS.items() for tool in tools]
        about = [(name, tool) for name, tool in offered if self.may(name)]
        return tuple({"type": "function", "name": name, "description": tool.description, "parameters": tool.schema} for name, tool in about)

    def may(self, need: str) -> bool:
        """Whether it holds a capability."""
        return any(fnmatchcase(need, held) for held in self.capabilities)


def _persona(name: str, provider: str, model: str, duty: str, *capabilities: str) -> Persona:
    house = "Work in small steps, say what you found before you act, and ask before anything that cannot be undone."
    return Persona(name, provider, model, f"{duty} {house}", capabilities)


_CODE = ("filesystem.read", "filesystem.search", "git.diff", "git.log")
_WEB = ("search.*", "browser.*")

# Whoever delegates holds what it hands out: only the escalation asks for more than its parent holds.
PERSONAS: dict[str, Persona] = {
    p.name: p
    for p in (
        _persona("planner", "anthropic", "claude-opus-4-5", "You plan work.", "registry.*", "tickets.*", "filesystem.write", *_CODE),
        _persona("researcher", "gcp.gemini", "gemini-2.5-pro", "You find out what is true and cite it.", *_WEB),
        _persona("coder", "anthropic", "claude-sonnet-4-5", "You change code and test it.", "filesystem.write", *_CODE),
        _persona("reviewer", "openai", "gpt-5", "You review changes for correctness first.", *_CODE),
        _persona("operator", "openai", "gpt-5-mini", "You run services.", "deploy.*", "metrics.*", "secrets.rotate", *_WEB),
        _persona("support", "anthropic", "claude-haiku-4-5", "You help customers.", "tickets.*", "search.docs", "mail.*", "calendar.*"),
        _persona("analyst", "gcp.gemini", "gemini-2.5-flash", "You answer with data.", "database.query", "metrics.*"),
    )
}
