"""What a dialect is: how its spans are recognised, and which canonical attributes its own ones stand for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

REMEMBERED: Final = 1_000
"""Kinds of spans of one dialect."""


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
    """canonical attribute -> the dialect's own ones, best first. What is canonical for one is no other's own."""
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
        if present := self._own.intersection(found):
            for canonical, sources in self._stood_for(present):
                if canonical not in found:
                    for source in sources:
                        if value := found[source]:
                            found[canonical] = value
                            break
        if "gen_ai.operation.name" not in found:
            for attribute, values in self.operations.items():
                if operation := values.get(found.get(attribute, "").lower()):
                    found["gen_ai.operation.name"] = operation
                    break
        for rule in self.rules:
            rule(span)

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset(source for sources in self.names.values() for source in sources)

    @cached_property
    def _plans(self) -> dict[frozenset[str], Sequence[tuple[str, Sequence[str]]]]:
        return {}

    def _stood_for(self, present: frozenset[str]) -> Sequence[tuple[str, Sequence[str]]]:
        """The lines of `names` that these own attributes can fill, with those of them alone: a dialect has few kinds of spans, so it is remembered."""
        if (plan := self._plans.get(present)) is None:
            lines = [(canonical, [source for source in sources if source in present]) for canonical, sources in self.names.items()]
            plan = [(canonical, sources) for canonical, sources in lines if sources]
            if len(self._plans) < REMEMBERED:
                self._plans[present] = plan
        return plan
