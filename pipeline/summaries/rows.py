"""Rows of the summary tables, as Arrow: what the fold decided beside what passes through from the spans untouched."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.columns import TEXT_MAP, times
from pipeline.summaries.folds import Folds, TraceFold
from pipeline.summaries.thread import Row

StoredStep = tuple[str, str, str, str, int, int]
"""project, thread, trace, step, received (ns), retention days"""
TOKENS_BY_MODEL: Final = pa.map_(pa.string(), pa.list_(pa.uint64()))
_PASSED: Final = (
    "project", "trace_id", "type", "name", "description", "environment", "service", "service_version", "host", "agent_name", "user_id",
    "request_model", "model", "provider", "prompt_name", "prompt_version", "ttft_ms", "input", "output", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd", "finish_reason", "memory_bytes", "cpu_utilization", "attributes",
    "received", "log_partition", "log_offset", "retention_days",
)  # fmt: skip
_TEXTS: Final = (
    "project", "thread_id", "parent_thread_id", "kind", "name", "status", "waiting_for", "environment", "service_version", "host", "user_input",
    "agent_name", "user_id", "current_step", "error_type", "error_message",
)  # fmt: skip
_LISTS: Final = ("tags", "mcp_ids", "services", "models", "trace_ids")
_COUNTS: Final = (
    "step_count", "llm_calls", "tool_calls", "unchecked_calls", "error_count", "loop_count", "permission_checks", "permission_denials", "escalations", "input_tokens",
    "output_tokens", "cache_read_tokens", "cache_write_tokens", "memory_bytes", "cost_estimated", "retention_days",
)  # fmt: skip


def step_batch(spans: pa.Table, folds: Folds, chosen: pa.Array, version: int) -> pa.RecordBatch:
    """Rows of `steps`: of those steps in `folds` that are `chosen` by place. `spans` is what was folded; `span_ids` leaves out the step's own."""
    taken = spans.select([*_PASSED, "span_id", "duration", "started"]).take(folds.rows.take(chosen)).combine_chunks()
    columns = {name: _whole(taken.column(name)) for name in _PASSED}
    columns |= {"step_id": _whole(taken.column("span_id")), "duration_ns": _whole(taken.column("duration"))}
    columns["started_at"] = _whole(taken.column("started")).cast(pa.timestamp("ns", "UTC"))
    own = folds.own.take(chosen)
    columns |= dict(zip(own.schema.names, own.columns, strict=True))
    columns["span_ids"] = _others(own.column("span_ids"), columns["step_id"])
    columns["version"] = pa.repeat(pa.scalar(version, pa.uint64()), len(chosen))
    columns["is_deleted"] = pa.repeat(pa.scalar(0, pa.uint8()), len(chosen))
    return pa.record_batch(list(columns.values()), names=list(columns))


def _others(span_ids: pa.ListArray, step_ids: pa.Array) -> pa.ListArray:
    """The lists without the step's own id, which says little and takes most of the room."""
    steps, spans = pc.list_parent_indices(span_ids), span_ids.flatten()
    stays = pc.not_equal(spans, step_ids.take(steps))
    ends = np.searchsorted(np.asarray(steps.filter(stays)), np.arange(len(span_ids) + 1))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), spans.filter(stays))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def deleted_steps(stored: Sequence[StoredStep], version: int) -> pa.RecordBatch:
    project, thread, trace, step, received, days = zip(*stored, strict=True)
    columns = {
        "project": pa.array(project, pa.string()), "thread_id": pa.array(thread, pa.string()), "trace_id": pa.array(trace, pa.string()),
        "step_id": pa.array(step, pa.string()), "received": times(received), "retention_days": pa.array(days, pa.uint16()),
        "version": pa.array([version] * len(stored), pa.uint64()), "is_deleted": pa.array([1] * len(stored), pa.uint8()),
    }  # fmt: skip
    return pa.record_batch(list(columns.values()), names=list(columns))


def segment_batch(folds: Sequence[TraceFold], gone: Sequence[tuple[str, str, str]], version: int) -> pa.RecordBatch:
    """Rows of `trace_summaries`; `gone` are (project, thread, trace) to which the trace contributes nothing any more."""
    here = [(fold.project, thread, fold.trace_id, segment) for fold in folds for thread, segment in fold.segments.items()]
    now = version
    columns = {
        "project": pa.array([row[0] for row in here] + [row[0] for row in gone], pa.string()),
        "thread_id": pa.array([row[1] for row in here] + [row[1] for row in gone], pa.string()),
        "trace_id": pa.array([row[2] for row in here] + [row[2] for row in gone], pa.string()),
        "summary": pa.array([row[3].to_json() for row in here] + ["{}"] * len(gone), pa.string()),
        "last_received": times([row[3].received for row in here] + [now] * len(gone)),
        "retention_days": pa.array([row[3].retention_days for row in here] + [1] * len(gone), pa.uint16()),
        "version": pa.array([version] * (len(here) + len(gone)), pa.uint64()),
        "is_deleted": pa.array([0] * len(here) + [1] * len(gone), pa.uint8()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))


def trace_batch(folds: Sequence[TraceFold], first_received: Sequence[int], version: int) -> pa.RecordBatch:
    """Rows of `traces`."""
    segments = [list(fold.segments.values()) for fold in folds]
    columns = {
        "project": pa.array([fold.project for fold in folds], pa.string()),
        "trace_id": pa.array([fold.trace_id for fold in folds], pa.string()),
        "thread_id": pa.array([fold.main_thread for fold in folds], pa.string()),
        "thread_ids": pa.array([list(fold.segments) for fold in folds], pa.list_(pa.string())),
        "started_at": times(min(segment.started for segment in group) for group in segments),
        "last_at": times(max(segment.last_seen for segment in group) for group in segments),
        "first_received": times(first_received),
        "last_received": times(max(segment.received for segment in group) for group in segments),
        "spans": pa.array([fold.spans for fold in folds], pa.uint32()),
        "retention_days": pa.array([max(segment.retention_days for segment in group) for group in segments], pa.uint16()),
        "version": pa.array([version] * len(folds), pa.uint64()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))


def thread_batch(rows: Sequence[Row], version: int) -> pa.RecordBatch:
    """Rows of `thread_summaries`."""
    columns: dict[str, pa.Array] = {name: pa.array([row[name] for row in rows], pa.string()) for name in _TEXTS}
    columns |= {name: pa.array([row[name] for row in rows], pa.list_(pa.string())) for name in _LISTS}
    columns |= {name: pa.array([row[name] for row in rows], pa.uint64()) for name in _COUNTS}
    columns |= {name: pa.array([row[name] for row in rows], pa.float64()) for name in ("cost_usd", "cpu_utilization")}
    columns |= {name: times(row[name] for row in rows) for name in ("started_at", "last_seen_at", "last_received")}
    columns |= {name: _maybe_times([row[name] for row in rows]) for name in ("ended_at", "waiting_since")}
    columns["attributes"] = pa.array([list(row["attributes"].items()) for row in rows], TEXT_MAP)
    columns["unpriced"] = pa.array([list(row["unpriced"].items()) for row in rows], TOKENS_BY_MODEL)
    columns["computed_at"] = times(version for _ in rows)
    columns["version"] = pa.array([version] * len(rows), pa.uint64())
    columns["is_deleted"] = pa.array([0] * len(rows), pa.uint8())
    return pa.record_batch(list(columns.values()), names=list(columns))


def _maybe_times(values: Sequence[int | None]) -> pa.Array:
    return pa.array([None if value is None else min(value, 2**63 - 1) for value in values], pa.int64()).cast(pa.timestamp("ns", "UTC"))


def deleted_threads(stored: Sequence[dict[str, Any]], version: int) -> pa.RecordBatch:
    """Rows that take away what stands under an old start of a thread, or a thread that is none any more."""
    columns = {
        "project": pa.array([row["project"] for row in stored], pa.string()),
        "started_at": times(row["started_at"] for row in stored),
        "thread_id": pa.array([row["thread_id"] for row in stored], pa.string()),
        "last_received": times(version for _ in stored),
        "computed_at": times(version for _ in stored),
        "retention_days": pa.array([row["retention_days"] for row in stored], pa.uint16()),
        "version": pa.array([version] * len(stored), pa.uint64()),
        "is_deleted": pa.array([1] * len(stored), pa.uint8()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))
