"""All dialects, and which of them a span speaks: its scope says so, else an attribute that nobody else uses."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from pipeline.dialects.claude_code import CLAUDE_CODE
from pipeline.dialects.codex import CODEX
from pipeline.dialects.decisions import DECISIONS
from pipeline.dialects.dialect import Dialect
from pipeline.dialects.gemini_cli import GEMINI_CLI
from pipeline.dialects.google_adk import GOOGLE_ADK
from pipeline.dialects.langfuse import LANGFUSE
from pipeline.dialects.langsmith import LANGSMITH
from pipeline.dialects.mastra import MASTRA
from pipeline.dialects.microsoft import AGENT_FRAMEWORK, AUTOGEN, SEMANTIC_KERNEL
from pipeline.dialects.openinference import OPENINFERENCE
from pipeline.dialects.openlit import OPENLIT
from pipeline.dialects.openllmetry import OPENLLMETRY
from pipeline.dialects.pydantic_ai import PYDANTIC_AI
from pipeline.dialects.vercel import VERCEL

STANDARD: Final = "otel"
"""Spans in our own vocabulary, and those nobody knows: stored as they are."""
DIALECTS: Final[Sequence[Dialect]] = (
    CLAUDE_CODE,
    CODEX,
    GEMINI_CLI,
    OPENINFERENCE,
    OPENLLMETRY,
    LANGSMITH,
    VERCEL,
    LANGFUSE,
    PYDANTIC_AI,
    GOOGLE_ADK,
    OPENLIT,
    MASTRA,
    AUTOGEN,
    AGENT_FRAMEWORK,
    SEMANTIC_KERNEL,
    DECISIONS,
)
_BY_MARKER: Final[Mapping[str, Dialect]] = {marker: dialect for dialect in reversed(DIALECTS) for marker in dialect.markers}
_MARKERS: Final = frozenset(_BY_MARKER)
_PREFERENCE: Final[Mapping[str, int]] = {dialect.name: place for place, dialect in enumerate(DIALECTS)}


@lru_cache(1024)
def of_scope(scope: str) -> Dialect | None:
    """The dialect that speaks in this instrumentation scope; the longest beginning that fits."""
    fitting = [(len(begin), dialect) for dialect in DIALECTS for begin in dialect.scopes if scope.startswith(begin)]
    return max(fitting, key=lambda one: one[0])[1] if fitting else None


def dialect_of(by_scope: Dialect | None, found: Mapping[str, str]) -> Dialect | None:
    """The dialect of a span with these attributes; None for the standard vocabulary."""
    if by_scope is not None or _MARKERS.isdisjoint(found):
        return by_scope
    return min((_BY_MARKER[marker] for marker in _MARKERS.intersection(found)), key=lambda dialect: _PREFERENCE[dialect.name])
