"""What a dialect is: how its spans are recognised, and which canonical attributes its own ones stand for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class SpanEvent(NamedTuple):
    """An event of a span; `at` in nanoseconds since 1970."""

    name: str
    at: int
    attributes: Mapping[str, str]


class SpanFacts(NamedTuple):
    """A span as a dialect's rules see it; `found` is theirs to add to.

    `kind` as in `otel_traces.SpanKind`; ids hexadecimal; `started` and `ended` in nanoseconds since 1970, 0 when not said.
    """

    scope: str
    name: str
    kind: str
    found: dict[str, str]
    is_root: bool = False
    trace_id: str = ""
    started: int = 0
    ended: int = 0
    events: Sequence[SpanEvent] = ()
    span_id: str = ""
    parent_id: str = ""

    def event(self, name: str) -> Mapping[str, str]:
        """The attributes of the first event of this name; {} when there is none."""
        return next((event.attributes for event in self.events if event.name == name), {})


Rule = Callable[[SpanFacts], None]
"""Adds canonical attributes that a table of names cannot say. Never removes or changes what the sender said; never raises."""


@dataclass(frozen=True)
class Dialect:
    """One convention. Its canonical attributes are added beside the sender's own, which stay untouched and win where they are canonical."""

    name: str
    """As stored in `spans.dialect` and taken by `rebuild --dialect`."""
    title: str
    """For the docs: which SDKs and agents speak it."""
    scopes: Sequence[str] = ()
    """Beginnings of instrumentation scope names."""
    markers: frozenset[str] = frozenset()
    """Attributes that give it away under any other scope."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """canonical attribute -> the dialect's own ones, best first."""
    operations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """attribute -> its value in lower case -> `gen_ai.operation.name`."""
    rules: Sequence[Rule] = ()
    """In order, after the tables."""
    histories: Sequence[str] = ()
    """Attributes (names, or beginnings that end in `.`) that repeat what the calls before said: stored by content once translated."""
    also_in_logs: bool = False
    """Whether its calls are told as log events too: then both are one step."""
    switch_on: str = ""
    """For the docs: how a person has this emitter send to us."""

    def translate(self, span: SpanFacts) -> None:
        """Add the canonical attributes of one span."""
        found = span.found
        for canonical, sources in self.names.items():
            if canonical not in found:
                for source in sources:
                    if value := found.get(source):
                        found[canonical] = value
                        break
        if "gen_ai.operation.name" not in found:
            for attribute, values in self.operations.items():
                if operation := values.get(found.get(attribute, "").lower()):
                    found["gen_ai.operation.name"] = operation
                    break
        for rule in self.rules:
            rule(span)
