"""What a span means, in whatever words it is said: its attributes are translated, its events read, its permission checks and scores told.

Python's part of mapping also where the kernel writes the columns (docs/decisions/0014-native-mapping.md): pure, a span at a time.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final, NamedTuple

from pipeline import vocabulary
from pipeline.batch import TraceKey
from pipeline.context import Envelope
from pipeline.dialects import dialect_of
from pipeline.dialects.decisions import CHECK
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.judgements import Judgement, judgements
from pipeline.dialects.langgraph import pauses_by_event
from pipeline.dialects.older_events import read_span_events
from pipeline.dialects.pending import pending
from pipeline.dialects.same_call import Place as Cover
from pipeline.dialects.same_call import place as place_of_call
from pipeline.permissions import RESULT, PermissionRows, Place, asked_and_answered, is_check
from pipeline.scores import ScoreRows

COVERED: Final = ("llm_call", "tool_call")
"""Types of steps that log events tell too."""


class Meaning(NamedTuple):
    """What a span says beside its attributes.

    `dialect` None: the standard vocabulary. `type` of step, '' for what its attributes say. `begun`: the span stands in for its parent, which
    has begun, and this is the parent's parent. `cover`: ids of the row that hides the same call where a log event tells it. `added`: names of
    the attributes that translation added, comma between.
    """

    dialect: Dialect | None
    type: str
    final: bool
    added: str = ""
    begun: bytes | None = None
    cover: Cover | None = None


class Speaker(NamedTuple):
    """Whose spans they are, and how many days they and their permission checks are kept."""

    project: str
    around: Envelope
    days: int
    check_days: int


class Claims:
    """What spans tell beside themselves: permission checks and scores. `unplaced` are traces of which some wait for a thread."""

    def __init__(self) -> None:
        self.checks, self.scores = PermissionRows(), ScoreRows()
        self.unplaced: set[TraceKey] = set()

    def extend(self, others: "Claims") -> None:
        self.checks.extend(others.checks)
        self.scores.extend(others.scores)
        self.unplaced |= others.unplaced

    def check(self, speaker: Speaker, span: SpanFacts, thread: str, guarded: str, at: int, said: Mapping[str, str]) -> None:
        project, around, _, days = speaker
        if not thread:
            self.unplaced.add((project, span.trace_id))
        place = Place(
            project, thread or span.trace_id, span.trace_id, guarded, at, around.received, around.topic, around.partition, around.offset, days,
            by_span=True, sender_key=around.sender_key,
        )  # fmt: skip
        self.checks.add(place, said)

    def score(self, speaker: Speaker, span: SpanFacts, judged: Judgement) -> None:
        """Who judged is the scope that says so, unless the judgement names another."""
        project, around, days, _ = speaker
        thread, rank = min((vocabulary.thread_key(said) for said in (judged.said, span.found)), key=lambda key: key[1])
        if rank >= vocabulary.MCP_SESSION_RANK:
            thread = ""
            self.unplaced.add((project, span.trace_id))
        place = Place(
            project, thread, span.trace_id, judged.of, judged.at, around.received, around.topic, around.partition, around.offset, days
        )  # fmt: skip
        self.scores.add_of_span(place, judged.said, span.scope)


def meaning(span: SpanFacts, by_scope: Dialect | None, final: bool, speaker: Speaker, claims: Claims) -> Meaning:
    """Adds to `span.found` what it means in the standard vocabulary, to `claims` what else it tells. `final` False: it has begun."""
    found, said = span.found, ""
    if (begun := pending(found, span.parent_id)) is not None:
        span = span._replace(span_id=span.parent_id, parent_id=begun.hex(), is_root=not begun)
    own, dialect = len(found), dialect_of(by_scope, found)
    if dialect is not None:
        own -= vocabulary.STEP_TYPE in found
        dialect.translate(span)
        said = found.pop(vocabulary.STEP_TYPE, "")
    if span.events:
        _read_events(span, dialect, speaker, claims)
    added = ",".join(islice(found, own, None)) if len(found) > own else ""
    final = final and begun is None and not (span.ended == 0 and span.started > 0)
    if said == CHECK or is_check(span.name):
        said = CHECK
    if said == CHECK or RESULT in found:
        _tell_checks(span, said, final, speaker, claims)
    if final:
        for judged in judgements(span):
            claims.score(speaker, span, judged)
    cover = _cover(found, said) if dialect is not None and dialect.also_in_logs and final else None
    return Meaning(dialect, said, final, added, begun, cover)


def _read_events(span: SpanFacts, dialect: Dialect | None, speaker: Speaker, claims: Claims) -> None:
    found = span.found
    read_span_events(span.events, found)
    if dialect is not None:
        pauses_by_event(span)
    for event in span.events:
        if is_check(event.name):
            said: dict[str, str] = {name: found[name] for name in vocabulary.WHO if name in found}
            said.update(event.attributes)
            thread = vocabulary.thread_key(said)[0] or vocabulary.thread_key(found)[0]
            claims.check(speaker, span, thread, span.span_id, event.at, said)


def _tell_checks(span: SpanFacts, type_: str, final: bool, speaker: Speaker, claims: Claims) -> None:
    """A check guards what it lies in; what only tells of one is guarded itself."""
    guarded = span.parent_id if type_ == CHECK and span.parent_id else span.span_id
    thread = vocabulary.thread_key(span.found)[0]
    for at, said in asked_and_answered(span, type_ == CHECK, final):
        claims.check(speaker, span, thread, guarded, at, said)


def _cover(found: Mapping[str, str], said: str) -> Cover | None:
    kind = said or vocabulary.step_type(found)
    return place_of_call(found, kind, vocabulary.thread_key(found)[0]) if kind in COVERED else None
