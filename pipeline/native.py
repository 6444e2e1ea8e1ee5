"""Trace requests through the kernel in Rust, where one is built: row for row what `pipeline.spans` makes of them, at a fraction of the time.
Its fold of summaries comes with it.

What speaks a dialect or tells of a permission check it hands to `pipeline.meaning`, a span at a time, and writes what comes back. What it cannot
read is mapped in Python, after the kernel's. All names it knows are those of the tables here (docs/decisions/0014-native-mapping.md).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Final, Protocol, TypeVar, cast

import pyarrow as pa

from pipeline import bodies, messages, permissions, spans, vocabulary
from pipeline.batch import Fresh, LedgerRow, Mapped, Sent, TraceKey
from pipeline.context import MAX_PROJECT_LENGTH, MessageIdentity, Retention, Seen
from pipeline.dialects import STANDARD, histories, judgements, of_scope
from pipeline.dialects.dialect import SpanEvent, SpanFacts
from pipeline.dialects.older_events import EVENTS
from pipeline.dialects.pending import PENDING, SPAN_TYPE
from pipeline.dialects.registry import DIALECTS
from pipeline.dialects.same_call import COVER
from pipeline.meaning import Claims, Meaning, Speaker, meaning
from pipeline.permissions import PermissionRows
from pipeline.retention import ByMcp, by_mcp
from pipeline.scores import ScoreRows
from pipeline.summaries.folding import fold_spans
from pipeline.summaries.folds import Fold
from pipeline.summaries.native_folding import SPEC, native_fold
from pipeline.tell import message_event, permission_events, score_events, span_events
from schemas.events import Event, Interest
from schemas.metrics import Metrics
from schemas.scores import EVENT
from schemas.topics import DEFAULT_PROJECT, PROJECT_HEADER, SPANS

MODULE: Final = "mission_control_kernel"
VERSION: Final = "1.3.0"
"""Of the kernel that keeps to this file's contract; another one is left alone."""
TABLES: Final = ("message_bodies", "message_rows", "permission_rows", "score_records", "spans")
"""In the order in which `SpanRows` has them."""
_KINDS: Final = {pa.string(): "text", pa.uint64(): "count", pa.float64(): "measure"}
_RULES: Final[Mapping[str, str]] = {
    "operation": "gen_ai.operation.name", "method": "mcp.method.name", "entity": "mission_control.entity.type", "tool_name": "gen_ai.tool.name",
    "request_model": "gen_ai.request.model", "prompt_name": "gen_ai.prompt.name", "error_type": "error.type",
    "step_status": vocabulary.STEP_STATUS, "response_status": "gen_ai.response.status", "first_chunk": vocabulary.TTFT_SECONDS,
    "finish_reasons": "gen_ai.response.finish_reasons", "user_input": "mission_control.user_input", "mcp_session": vocabulary.MCP_SESSION,
    "mcp_protocol": "mcp.protocol.version", "span_type": SPAN_TYPE, "exception_type": "exception.type", "exception_message": "exception.message",
    "project": PROJECT_HEADER, "service": "service.name", "environment": "deployment.environment.name",
    "old_environment": "deployment.environment", "service_version": "service.version", "host": "host.name",
    "input_messages": "gen_ai.input.messages", "output_messages": "gen_ai.output.messages",
}  # fmt: skip
"""What the rules of `spans`, `vocabulary` and `context` ask for by name."""
K = TypeVar("K")
logger = logging.getLogger(__name__)


class Rows(Protocol):
    """What the kernel made of those requests of a batch that it takes. Tables have `__arrow_c_array__`; None without rows."""

    spans: Any
    message_rows: Any
    message_bodies: Any
    counts: Sequence[tuple[int, str | None, int]]
    """Per request it took: its place, its first project if it has any, its spans."""
    left: Sequence[int]
    """Places of the requests that it did not take."""
    traces: dict[TraceKey, int]
    bodies: set[tuple[str, bytes]]
    messages: dict[MessageIdentity, int]
    contents: Sequence[bytes]
    """The JSON of each row of `message_rows`."""


Said = tuple[str | None, str, bool, str, bytes | None, tuple[bytes, bytes] | None]
"""What the kernel is told of a span: a `Meaning`, the dialect by its name."""
Facts = tuple[str, str, str, dict[str, str], bool, str, int, int, list[tuple[str, int, dict[str, str]]], str, str]
"""A span as the kernel shows it: `SpanFacts`, its events as `SpanEvent`."""


class Read(Protocol):
    def __call__(self, request: int, project: str, facts: Facts) -> Said:
        """What a span of the request at this place means; adds to its attributes. Whatever it raises, the kernel raises."""
        ...


class Kernel(Protocol):
    def map(self, requests: Sequence[tuple[bytes, int, int, int, str]], seen: Seen, retention: Retention, read: Read) -> Rows:
        """`requests`: bytes, received (ns), partition, offset, project. Lets go of the GIL while it works. Raises `Native.error`."""
        ...


class Native:
    """The kernel of this process, and what counts its work."""

    def __init__(self, kernel: Kernel, fold: Fold, error: type[Exception], metrics: Metrics) -> None:
        self.kernel, self.fold, self.error, self.requests = kernel, fold, error, metrics.native_requests


def load(metrics: Metrics) -> Native | None:
    """The kernel, or None where none is built or it is another version's."""
    try:
        module: Any = import_module(MODULE)
    except ImportError:
        return None
    if module.__version__ != VERSION:
        logger.warning("the native kernel is of another version; Python maps", extra={"built": module.__version__, "wanted": VERSION})
        return None
    fold = native_fold(module.Folder(dict(SPEC)), module.KernelError)
    return Native(cast(Kernel, module.Kernel(tables())), fold, module.KernelError, metrics)


def fold_by(kernel: Native | None) -> Fold:
    """The kernel's fold, Python's without one."""
    return kernel.fold if kernel else fold_spans


def tables() -> dict[str, Any]:
    """Everything by name that mapping knows of the standard vocabulary, and what tells that a span needs to be read in Python."""
    return {
        "rules": _RULES,
        "columns": [(name, _KINDS[kind]) for name, (kind, _) in spans.SPARSE.items()],
        "sources": [(attribute, column, rank) for attribute, (column, rank) in vocabulary.SOURCES.items()],
        "threads": list(vocabulary.THREAD_RANKS.items()),
        "heavy": sorted(vocabulary.HEAVY),
        "messages": vocabulary.MESSAGE_SOURCES,
        "markers": sorted({permissions.RESULT}.union(judgements.MARKERS, *(dialect.markers for dialect in DIALECTS))),
        "words": _words(),
        "limits": _limits(),
    }


def _words() -> dict[str, Any]:
    steps = {"llm_call": vocabulary.LLM_OPERATIONS, "tool_call": vocabulary.TOOL_OPERATIONS, "directive": vocabulary.AGENT_OPERATIONS}
    steps["script"] = vocabulary.SCRIPT_OPERATIONS
    return {
        "kinds": spans.KINDS, "statuses": spans.STATUSES, "server": "Server", "mcp_sessions_end": vocabulary.MCP_SESSIONS_END,
        "default_project": DEFAULT_PROJECT, "standard": STANDARD, "origin": "span", "pending": PENDING, "cover": COVER, "cover_origin": "log",
        "dialects": [_dialect(dialect.name, *histories.kinds(tuple(dialect.histories))) for dialect in DIALECTS],
        "scopes": [begin for dialect in DIALECTS for begin in dialect.scopes], "spans": sorted(permissions.CHECKS),
        "events": sorted(permissions.CHECKS | EVENTS | {EVENT}), "step_statuses": sorted(vocabulary.STEP_STATUSES),
        "operations": {operation: step for step, operations in steps.items() for operation in operations},
        "entities": vocabulary.ENTITY_TYPES, "roles": messages.ROLES,
    }  # fmt: skip


def _dialect(name: str, names: Sequence[str], beginnings: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "histories": names, "beginnings": beginnings}


def _limits() -> dict[str, int]:
    return {
        "heavy_length": vocabulary.HEAVY_LENGTH, "preview_length": vocabulary.PREVIEW_LENGTH, "project_length": MAX_PROJECT_LENGTH,
        "history_length": histories.SHORT, "piece": bodies.PIECE,
        "block": messages.BLOCK, "user_text_length": messages.USER_TEXT_LENGTH, "remembered": messages.REMEMBERED,
        "remembered_length": messages.REMEMBERED_LENGTH, "most_equal": bodies.MOST_EQUAL, "earliest_wins": bodies.EARLIEST_WINS,
        "final_bit": spans.FINAL_BIT, "mcp_session_rank": vocabulary.MCP_SESSION_RANK, "no_thread_rank": vocabulary.NO_THREAD_RANK,
    }  # fmt: skip


class Mapping_(Protocol):
    """Mapping in Python."""

    def map(self, requests: Sequence[Sent]) -> Mapped: ...


class NativeMapper:
    """Maps requests of traces: the kernel's first, then in Python those it does not take, as one batch."""

    topic: Final = SPANS

    def __init__(
        self, native: Native, python: Callable[[Seen, Retention, ByMcp], Mapping_], seen: Seen, retention: Retention, mcps: ByMcp
    ) -> None:
        self._native, self._python, self._seen, self._retention, self._mcps = native, python, seen, retention, mcps

    def map(self, requests: Sequence[Sent]) -> Mapped:
        given = [(raw, around.received, around.partition, around.offset, around.project) for around, raw in requests]
        reader = Reader(requests, self._retention)
        try:
            rows = self._native.kernel.map(given, self._seen, self._retention, reader)
        except (self._native.error, OverflowError) as error:
            logger.warning("the native kernel failed; Python maps this batch", extra={"error": str(error)})
            self._native.requests.labels("failed").inc(len(requests))
            return self._in_python(requests, self._seen)
        self._native.requests.labels("taken").inc(len(rows.counts))
        self._native.requests.labels("left").inc(len(rows.left))
        if not rows.counts:
            return self._in_python(requests, self._seen)
        mapped = by_mcp(_mapped(requests, rows, reader.claims(rows.left)), self._mcps)
        if not rows.left:
            return mapped
        return _joined(mapped, self._in_python([requests[place] for place in rows.left], _Also(self._seen, mapped.seen)))

    def _in_python(self, requests: Sequence[Sent], seen: Seen) -> Mapped:
        return self._python(seen, self._retention, self._mcps).map(requests)


class Reader:
    """Says what spans of a batch mean, and keeps what else they tell, by request."""

    def __init__(self, requests: Sequence[Sent], retention: Retention) -> None:
        self._requests, self._retention = requests, retention
        self._speakers: dict[tuple[int, str], Speaker] = {}
        self._claims: dict[int, Claims] = {}

    def __call__(self, request: int, project: str, facts: Facts) -> Said:
        if (speaker := self._speakers.get((request, project))) is None:
            days = self._retention(project, "spans"), self._retention(project, "permissions")
            speaker = self._speakers[request, project] = Speaker(project, self._requests[request][0], *days)
            self._claims.setdefault(request, Claims())
        span = SpanFacts._make(facts)
        if span.events:
            span = span._replace(events=[SpanEvent._make(event) for event in span.events])
        return _told(meaning(span, of_scope(span.scope), True, speaker, self._claims[request]))

    def claims(self, left: Sequence[int]) -> Claims:
        """Those of all requests but these."""
        told, without = Claims(), frozenset(left)
        for request, claims in self._claims.items():
            if request not in without:
                told.extend(claims)
        return told


def _told(meant: Meaning) -> Said:
    dialect, type_, final, added, begun, cover = meant
    return None if dialect is None else dialect.name, type_, final, added, begun, cover


class _Also:
    """What the store has once the kernel's part of the batch is in it."""

    def __init__(self, seen: Seen, fresh: Fresh) -> None:
        self._seen, self._bodies, self._messages = seen, frozenset(fresh.bodies), fresh.messages

    def has_body(self, project: str, key: bytes) -> bool:
        return (project, key) in self._bodies or self._seen.has_body(project, key)

    def has_message(self, identity: MessageIdentity, at: int) -> bool:
        said = self._messages.get(identity)
        return (said is not None and said <= at) or self._seen.has_message(identity, at)


def _mapped(requests: Sequence[Sent], rows: Rows, claims: Claims) -> Mapped:
    made = {
        "message_bodies": rows.message_bodies,
        "message_rows": rows.message_rows,
        "permission_rows": _batch(claims.checks),
        "score_records": _batch(claims.scores),
        "spans": rows.spans,
    }
    batches = {name: pa.record_batch(batch) for name, batch in made.items() if batch is not None}
    ledger: list[LedgerRow] = []
    for place, project, count in rows.counts:
        ledger.extend(spans.ledger_rows(requests[place][0], {} if project is None else {project: count}))
    return Mapped(
        batches,
        ledger,
        traces=rows.traces,
        threads=claims.checks.threads,
        unplaced=claims.unplaced,
        seen=Fresh(rows.bodies, rows.messages),
        events=lambda interest: [
            *span_events(batches, interest),
            *permission_events(batches),
            *score_events(batches, interest),
            *_message_events(batches, rows, interest),
        ],
    )


def _batch(rows: PermissionRows | ScoreRows) -> pa.RecordBatch | None:
    return rows.batch() if len(rows) else None


def _message_events(batches: Mapping[str, pa.RecordBatch], rows: Rows, interest: Interest) -> list[Event]:
    if not interest.steps or (batch := batches.get("message_rows")) is None:
        return []
    columns = [batch.column(name).to_pylist() for name, _ in bodies.MESSAGE_TYPES]
    at = batch.column("timestamp").cast(pa.int64()).to_pylist()
    told = zip(zip(*columns, strict=True), at, rows.contents, strict=True)
    return [message_event(row, when, _content(row, body)) for row, when, body in told if interest.wants(row[0], row[1])]


def _content(row: Sequence[Any], body: bytes) -> messages.Content:
    call_id, tool_name, finish_reason = row[9:12]
    return messages.Content(row[2], body, row[3], call_id, tool_name, finish_reason, "")


def _joined(first: Mapped, second: Mapped) -> Mapped:
    """Two parts of one batch."""
    names = sorted({*first.tables, *second.tables}, key=TABLES.index)
    parts = {name: [part.tables[name] for part in (first, second) if name in part.tables] for name in names}
    return replace(
        second,
        tables={name: pa.concat_batches(batches) if len(batches) > 1 else batches[0] for name, batches in parts.items()},
        ledger=[*first.ledger, *second.ledger],
        traces=_oldest(first.traces, second.traces),
        threads=_oldest(first.threads, second.threads),
        unplaced={*first.unplaced, *second.unplaced},
        seen=Fresh({*first.seen.bodies, *second.seen.bodies}, {**first.seen.messages, **second.seen.messages}),
        events=lambda interest: [*first.events(interest), *second.events(interest)],
    )


def _oldest(first: Mapping[K, int], second: Mapping[K, int]) -> dict[K, int]:
    """Both, with the oldest time of receipt."""
    oldest = dict(first)
    for key, received in second.items():
        oldest[key] = min(oldest.get(key, received), received)
    return oldest
