"""How well something was done, as spans tell it: evaluation events, OpenInference's lists of results, spans that are a judgement themselves."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from pipeline.dialects.dialect import SpanFacts
from pipeline.vocabulary import step_type
from schemas.scores import EVENT, EXPLANATION, KEY, LABEL, NAME, SOURCE, VALUE

_FIELDS: Final[Mapping[str, str]] = {
    "name": NAME, "score": VALUE, "label": LABEL, "explanation": EXPLANATION, "annotator_kind": SOURCE, "identifier": KEY,
}  # fmt: skip
FIRST: Final = frozenset(f"{about}{one}s.0.{one}.name" for about in ("", "trace.", "session.") for one in ("evaluation", "annotation"))
"""The one attribute that a list of results has for certain, since they are counted from 0 and each has a name."""
MARKERS: Final = FIRST | {VALUE, LABEL}
_ENTRY: Final = re.compile(r"(trace\.|session\.|)((?:evaluations|annotations)\.\d{1,4})\.(?:evaluation|annotation)\.(\w+)")
"""About what (a session is the thread, which the trace finds), which of the list, which field."""
_JUDGED: Final = frozenset({"llm_call", "tool_call", "directive"})
"""Types of steps that are never a judgement of something else."""
_VALUES, _WHY, _NAMES = ("score", "value"), ("explanation", "comment", "reason", "reasoning"), ("name", "key", "evaluator_name")
LONGEST_WORD: Final = 256
"""Characters of a label; what is longer is no word."""


class Judgement(NamedTuple):
    """`of`: id of the span that is judged, '' for the whole trace. `at` in nanoseconds. `said` as of an evaluation event."""

    of: str
    at: int
    said: Mapping[str, str]


def judgements(span: SpanFacts) -> Iterator[Judgement]:
    """All that a span that has ended tells, translated already. One that is a judgement itself judges what it lies in."""
    found = span.found
    for event in span.events:
        if event.name == EVENT:
            yield Judgement(span.span_id, event.at or span.ended, event.attributes)
    if MARKERS.isdisjoint(found):
        return
    if not FIRST.isdisjoint(found):
        for own, said in _listed(found):
            yield Judgement(span.span_id if own else "", span.ended, said)
    if VALUE in found or LABEL in found:
        said = {name: found[name] for name in (NAME, VALUE, LABEL, EXPLANATION, "error.type") if name in found}
        yield Judgement(span.span_id if step_type(found) in _JUDGED else span.parent_id, span.ended, {NAME: span.name} | said)


def _listed(found: Mapping[str, str]) -> Iterator[tuple[bool, Mapping[str, str]]]:
    """Whether it is about the span alone, and what is said. A result listed under both words is one, by what it says."""
    entries: dict[tuple[str, str], dict[str, str]] = {}
    for attribute, value in found.items():
        if (match := _ENTRY.fullmatch(attribute)) and (canonical := _FIELDS.get(match[3])):
            entries.setdefault((match[1], match[2]), {})[canonical] = value
    for (about, _), said in entries.items():
        if said.keys() & {VALUE, LABEL, EXPLANATION}:
            yield not about, said


def add_verdict(found: dict[str, str], name: str, said: str) -> None:
    """Make a span the judgement that is its output `said`: a number, or JSON with a score or a label. What is neither is none."""
    try:
        verdict: Any = orjson.loads(said) if said else None
    except orjson.JSONDecodeError:
        return
    whole = verdict if isinstance(verdict, dict) else {"score": verdict} if isinstance(verdict, int | float) else {}
    value = next((whole[key] for key in _VALUES if whole.get(key) is not None), None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        found.setdefault(VALUE, repr(value))
    if word := _word(whole.get("label")) or _word(str(value).lower() if isinstance(value, bool) else value):
        found.setdefault(LABEL, word)
    if VALUE in found or LABEL in found:
        found.setdefault(NAME, next((word for key in _NAMES if (word := _word(whole.get(key)))), name))
        if why := next((why for key in _WHY if isinstance(why := whole.get(key), str) and why), ""):
            found.setdefault(EXPLANATION, why)


def _word(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_WORD else ""
