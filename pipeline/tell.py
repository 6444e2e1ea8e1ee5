"""What a batch or a round made visible, as events for the hub. Called only when somebody listens."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson
import pyarrow as pa

from pipeline.dialects.same_call import COVER
from pipeline.messages import Content
from schemas.events import Commit, Event, Interest
from schemas.times import iso, maybe_iso

if TYPE_CHECKING:
    from pipeline.costs import Costs
    from pipeline.summaries.threads import ThreadChange, ThreadRound
    from pipeline.summaries.traces import TraceRound

Rows = Mapping[str, pa.RecordBatch]
_STEP_COPIED: Final = (
    "type", "status", "environment", "service_version", "host", "mcp_id", "agent_name", "user_id", "tool_name", "tool_call_id", "request_model",
    "model", "provider", "prompt_name", "prompt_version", "ttft_ms", "reasoning_tokens", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "cost_usd", "finish_reason", "error_type", "error_message", "memory_bytes", "cpu_utilization",
)  # fmt: skip
_SPAN_COLUMNS: Final = (
    "project",
    "TraceId",
    "SpanId",
    "ParentSpanId",
    "SpanName",
    "ServiceName",
    "Timestamp",
    "Duration",
    "thread_key",
    *_STEP_COPIED,
)
_STEP_COLUMNS: Final = (
    "project",
    "thread_id",
    "trace_id",
    "step_id",
    "parent_step_id",
    "span_ids",
    "name",
    "service",
    "description",
    "input",
    "output",
    "started_at",
    "duration_ns",
    *_STEP_COPIED,
)
_LOG_COLUMNS: Final = (
    "project", "Timestamp", "level", "SeverityNumber", "ServiceName", "thread_id", "SpanId", "TraceId", "mcp_id", "EventName", "Body", "exception",
    "LogAttributes", "record_id",
)  # fmt: skip
_PERMISSION_COLUMNS: Final = (
    "event_id", "thread_id", "step_id", "mcp_id", "agent_name", "user_id", "subject", "resource", "action", "reason", "reason_code", "policy", "rule",
    "rules_checked", "inheritance_chain", "source", "escalation_rule", "escalation_reason", "escalation_status",
    "severity",
)  # fmt: skip
_SCORE_COLUMNS: Final = (
    "project", "score_id", "timestamp", "thread_id", "trace_id", "step_id", "name", "value", "label", "explanation", "source", "user_id",
)  # fmt: skip
_THREAD_TIMES: Final = ("started_at", "last_seen_at", "ended_at", "waiting_since", "last_received")


def span_events(tables: Rows, interest: Interest) -> list[Event]:
    """A step for each span, as it looks on its own; the summaries send what only the whole trace knows."""
    if (batch := tables.get("spans")) is None or not interest.steps:
        return []
    return [_span_step(row) for row in _rows(_wanted(batch, "thread_key", interest), _SPAN_COLUMNS) if row["type"] != COVER]


def _wanted(spans: pa.RecordBatch, thread: str, interest: Interest) -> pa.RecordBatch:
    """Those that anybody listens to: looking at three columns costs little beside making events of all."""
    if interest.everything:
        return spans
    keys = zip(*(spans.column(name).to_pylist() for name in ("project", thread, "mcp_id")), strict=True)
    return spans.take(pa.array([row for row, key in enumerate(keys) if interest.wants(*key)], pa.int64()))


def _span_step(row: dict[str, Any]) -> Event:
    times = _step_times(row["Timestamp"], row["Duration"], row["status"])
    payload = {
        **{name: row[name] for name in _STEP_COPIED}, **times, "project": row["project"], "thread_id": row["thread_key"], "trace_id": row["TraceId"],
        "step_id": row["SpanId"], "parent_step_id": row["ParentSpanId"], "name": row["SpanName"], "service": row["ServiceName"],
    }  # fmt: skip
    if row["type"] == "llm_call" and row["cost_usd"] is None:  # what it costs the summaries tell, and who listens keeps what was read
        del payload["cost_usd"]
    return Event("step", row["project"], row["SpanId"], payload, thread_id=row["thread_key"], mcp_id=row["mcp_id"])


def _step_times(started: int, duration: int, status: str) -> dict[str, Any]:
    ended = None if status == "running" else started + duration
    return {"started_at": iso(started), "ended_at": maybe_iso(ended), "duration_ms": None if ended is None else duration / 1e6}


def message_event(row: Sequence[Any], at: int, content: Content) -> Event:
    """`row` begins with project, thread, role, hash, occurrence, trace, step, direction."""
    project, thread, role, key, occurrence, trace_id, step_id, direction = row[:8]
    parts = orjson.loads(content.body)["parts"]
    payload = {
        "project": project, "thread_id": thread, "trace_id": trace_id, "step_id": step_id, "role": role, "content": readable(parts), "parts": parts,
        "content_hash": key.hex(), "timestamp": iso(at), "tool_call_id": content.tool_call_id, "tool_name": content.tool_name,
        "metadata": {"finish_reason": content.finish_reason, "direction": direction, "occurrence": str(occurrence)},
    }  # fmt: skip
    return Event("message", project, f"{role}:{key.hex()}:{occurrence}", payload, thread_id=thread)


def readable(parts: Sequence[Any]) -> str:
    """The text of a message's parts, as the view `llm_messages` shows it."""
    return "\n".join(_readable_part(part) for part in parts)


def _readable_part(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    if part.get("type") == "tool_call":
        return f"{part.get('name', '')}({_text(part.get('arguments', ''))})"
    for name in ("content", "text", "response", "result"):
        if name in part:
            return _text(part[name])
    return _text(part)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def log_events(tables: Rows, interest: Interest) -> list[Event]:
    """Log records of a batch."""
    if not interest.logs or (batch := tables.get("log_records")) is None:
        return []
    return [_log_event(row) for row in _rows(batch, _LOG_COLUMNS)]


def permission_events(tables: Rows) -> list[Event]:
    batch = tables.get("permission_rows")
    return [] if batch is None else _told_checks(batch)


def _told_checks(batch: pa.RecordBatch | pa.Table) -> list[Event]:
    rows = _rows(batch, (*_PERMISSION_COLUMNS, "project", "trace_id", "timestamp", "result", "escalation_detected"))
    return [_permission_event(row) for row in rows]


def score_events(tables: Rows, interest: Interest) -> list[Event]:
    """Scores that name their thread; of others the summaries tell once they have found it."""
    return told_scores(tables.get("score_records"), interest)


def told_scores(batch: pa.RecordBatch | pa.Table | None, interest: Interest) -> list[Event]:
    """Rows of `score_records` that anybody listens to."""
    if batch is None or not interest.steps:
        return []
    return [
        _score_event(row) for row in _rows(batch, _SCORE_COLUMNS) if row["thread_id"] and interest.wants(row["project"], row["thread_id"])
    ]


def _score_event(row: dict[str, Any]) -> Event:
    return Event("score", row["project"], row["score_id"], row | {"timestamp": iso(row["timestamp"])}, thread_id=row["thread_id"])


def _log_event(row: dict[str, Any]) -> Event:
    key = row["record_id"].hex()
    payload = {
        "project": row["project"], "log_id": key, "timestamp": iso(row["Timestamp"]), "level": row["level"], "severity_number": row["SeverityNumber"],
        "service": row["ServiceName"], "thread_id": row["thread_id"], "step_id": row["SpanId"], "trace_id": row["TraceId"], "mcp_id": row["mcp_id"],
        "event_name": row["EventName"], "message": row["Body"], "exception": row["exception"], "context": dict(row["LogAttributes"]),
    }  # fmt: skip
    return Event("log", row["project"], key, payload, thread_id=row["thread_id"], mcp_id=row["mcp_id"], level=row["level"])


def _permission_event(row: dict[str, Any]) -> Event:
    granted = None if row["result"] == "ask" else row["result"] == "allow"
    payload = {
        **{name: row[name] for name in _PERMISSION_COLUMNS}, "project": row["project"], "timestamp": iso(row["timestamp"]), "granted": granted,
        "escalation_detected": bool(row["escalation_detected"]), "decided_at": None if granted is None else iso(row["timestamp"]),
        "evidence_trace_id": row["trace_id"], "evidence_span_id": row["step_id"],
    }  # fmt: skip
    return Event("permission", row["project"], row["event_id"], payload, thread_id=row["thread_id"], mcp_id=row["mcp_id"])


def _rows(batch: pa.RecordBatch | pa.Table, names: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as dictionaries, times as nanoseconds."""
    columns = []
    for name in names:
        column = batch.column(name)
        columns.append((column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def summary_commit(result: "TraceRound | None", threads: "ThreadRound", costs: "Costs") -> Commit:
    """What a round of summaries made visible. It has no place in the log."""

    def events(interest: Interest) -> list[Event]:
        steps = [] if result is None or result.steps is None else _changed_steps(result.steps, interest, costs)
        scores = [] if result is None else told_scores(result.scores, interest)
        checks = [] if threads.answers is None else _told_checks(threads.answers.given)
        return [*(_thread_event(change, costs) for change in threads.changes), *steps, *scores, *checks]

    return Commit("", {}, events)


def _thread_event(change: "ThreadChange", costs: "Costs") -> Event:
    row = change.row
    payload = {**row, **{name: maybe_iso(row[name]) for name in _THREAD_TIMES}}
    ended = row["ended_at"] if row["ended_at"] is not None else row["last_seen_at"]
    for name in ("unpriced", "cost_usd", "cost_estimated"):
        del payload[name]
    if (cost := costs.of_thread(row)) is not None:
        payload |= {"cost_usd": cost.usd, "cost_estimated": int(cost.estimated)}
    payload |= {"duration_ms": (ended - row["started_at"]) / 1e6, "stalled_since": None, "controls": "none"}
    return Event(change.event, row["project"], row["thread_id"], payload, thread_id=row["thread_id"])  # type: ignore[arg-type]  # one of EventType


def _changed_steps(steps: pa.RecordBatch, interest: Interest, costs: "Costs") -> list[Event]:
    """Steps as the whole trace shows them; of spans folded into one, that they are superseded by it."""
    if not interest.steps:
        return []
    result = []
    for row in _rows(_wanted(steps, "thread_id", interest), _STEP_COLUMNS):
        payload = {**row, **_step_times(row["started_at"], row["duration_ns"], row["status"])}
        payload["span_ids"] = [row["step_id"], *row["span_ids"]]
        del payload["duration_ns"], payload["cost_usd"]
        if (cost := costs.of_step(row)) is not None:
            payload["cost_usd"] = cost.usd
        result.append(Event("step", row["project"], row["step_id"], payload, thread_id=row["thread_id"], mcp_id=row["mcp_id"]))
        result.extend(_superseded(row, span) for span in row["span_ids"])
    return result


def _superseded(step: Mapping[str, Any], span_id: str) -> Event:
    project, thread_id = step["project"], step["thread_id"]
    payload = {"project": project, "thread_id": thread_id, "step_id": span_id, "superseded_by": step["step_id"]}
    return Event("step", project, span_id, payload, thread_id=thread_id)
