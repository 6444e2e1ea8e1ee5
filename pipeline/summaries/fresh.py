"""Spans on their way into the store as the summaries read them from there: the same columns as `sql/trace_spans.sql`.

A trace that is new has all its spans in the batches just stored, so reading them back would tell nothing new.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.vocabulary import TOOL_INPUT, TOOL_OUTPUT

SHOWN_LENGTH: Final = 4_000
"""Characters of a step's input and output that the step itself shows."""
OWN_PREFIXES: Final = ("gen_ai.", "mcp.", "mission_control.")
KEPT: Final = ("gen_ai.conversation.id", "mcp.method.name", "mcp.resource.uri")
"""Attributes with our prefixes have columns of their own, except these."""
_RENAMED: Final = {
    "trace_id": "TraceId", "span_id": "SpanId", "parent_id": "ParentSpanId", "kind": "SpanKind", "status_code": "StatusCode", "duration": "Duration",
    "name": "SpanName", "service": "ServiceName", "form": "version",
}  # fmt: skip
_SAME: Final = (
    "project", "type", "status", "final", "thread_key", "thread_rank", "parent_thread_key", "tool_name", "tool_call_id", "mcp_id", "agent_name",
    "model", "user_id", "error_type", "error_message", "user_input", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "cost_usd", "memory_bytes", "cpu_utilization", "environment", "service_version", "host", "request_model", "provider", "prompt_name",
    "prompt_version", "ttft_ms", "reasoning_tokens", "finish_reason", "log_partition", "log_offset", "retention_days", "received",
)  # fmt: skip


def fresh_spans(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """One table of all spans in the batches, columns as the statement's."""
    table = pa.Table.from_batches(batches)
    found = pa.chunked_array([_whole_maps(chunk) for chunk in table.column("SpanAttributes").chunks])
    bodies = table.column("bodies")
    columns = {name: table.column(source) for name, source in _RENAMED.items()} | {name: table.column(name) for name in _SAME}
    columns |= {
        "started": table.column("Timestamp").cast(pa.int64()),
        "received_ns": table.column("received").cast(pa.int64()),
        "has_messages": pc.or_(_has(bodies, "gen_ai.input.messages"), _has(bodies, "gen_ai.output.messages")).cast(pa.uint8()),
        "input": _shown(found, TOOL_INPUT),
        "output": _shown(found, TOOL_OUTPUT),
        "description": _description(found),
        "attributes": pa.chunked_array([_without_ours(chunk) for chunk in found.chunks]),
    }
    return pa.table(columns)


def _whole_maps(array: pa.MapArray) -> pa.MapArray:
    return pa.concat_arrays([array]) if array.offset else array


def _look_up(maps: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    return pc.map_lookup(maps, pa.scalar(name), "first")


def _has(maps: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    return pc.is_valid(_look_up(maps, name))


def _shown(maps: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(pc.fill_null(_look_up(maps, name), ""), 0, SHOWN_LENGTH)


def _description(maps: pa.ChunkedArray) -> pa.ChunkedArray:
    tool = pc.fill_null(_look_up(maps, "gen_ai.tool.description"), "")
    return pc.if_else(pc.equal(tool, ""), pc.fill_null(_look_up(maps, "gen_ai.agent.description"), ""), tool)


def _without_ours(maps: pa.MapArray) -> pa.MapArray:
    """The maps without the attributes that have columns of their own."""
    keys, values, offsets = maps.keys, maps.items, np.asarray(maps.offsets)
    ours = pc.starts_with(keys, OWN_PREFIXES[0])
    for prefix in OWN_PREFIXES[1:]:
        ours = pc.or_(ours, pc.starts_with(keys, prefix))
    stays = pc.or_(pc.invert(ours), pc.is_in(keys, pa.array(KEPT)))
    before = np.concatenate(([0], np.cumsum(np.asarray(stays), dtype=np.int32)))
    ends = pa.array(before[offsets].astype(np.int32))
    return pa.MapArray.from_arrays(ends, keys.filter(stays), values.filter(stays))
