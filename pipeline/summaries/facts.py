"""Spans as the summaries read them: columns as lists, one index per span."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

Columns = Mapping[str, Sequence[Any]]
LOGIC_COLUMNS: Final = (
    "project", "trace_id", "span_id", "parent_id", "kind", "type", "status", "final", "status_code", "thread_key", "thread_rank", "parent_thread_key",
    "tool_name", "tool_call_id", "mcp_id", "agent_name", "model", "provider", "user_id", "error_type", "error_message", "user_input", "started", "duration",
    "received_ns", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_usd", "memory_bytes", "cpu_utilization",
    "has_messages", "form", "name", "service", "environment", "service_version", "host", "input", "retention_days",
)  # fmt: skip
"""What the fold looks at; every other column of a step passes through untouched, as Arrow."""


def columns(table: pa.Table) -> Columns:
    """The columns the fold looks at, as Python values. Times and durations in nanoseconds."""
    return {name: table.column(name).to_pylist() for name in LOGIC_COLUMNS}
