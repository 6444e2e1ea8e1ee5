"""Subqueries that read single records in short ranges and the hourly rollups in long ones, with the same columns.

Which of the two is read depends on the range alone: the other one is asked for what cannot be, so that its indexes skip
all of it. (A condition that is merely false would not do: the engine then forgets the others, and reads every row.) `at` is the time of the
record or the start of its hour; `ms` its duration, or the hour's 95th percentile, to be weighted by `weight`.
"""

from typing import Final

from dashboards.query import ARRIVED, MCP, PROJECT

SHORT_SECONDS: Final = 6 * 3600
"""Ranges up to this length read single records."""
LONG: Final = f"toUnixTimestamp($__toTime) - toUnixTimestamp($__fromTime) > {SHORT_SECONDS}"
_NEVER: Final = "toDateTime(4294967295)"


def _recent(column: str) -> str:
    """In long ranges a project that nobody has, and a time that never comes: one of the two every table is sorted or indexed by."""
    return f"project = if({LONG}, '', ${{project:singlequote}}) AND {column} >= if({LONG}, {_NEVER}, $__fromTime) AND {column} <= $__toTime"


_HOURLY: Final = f"hour >= if({LONG}, $__fromTime, {_NEVER}) AND hour <= $__toTime"

BUCKET: Final = f"toStartOfInterval(at, toIntervalSecond(if({LONG}, greatest($__interval_s, 3600), $__interval_s))) AS time"
"""The panel's interval, never finer than the rollups where they are read."""

LLM_CALLS: Final = f"""(
    SELECT toDateTime(started_at) AS at, agent_name, user_id, provider, model, toUInt64(1) AS calls, toUInt64(status = 'error') AS errors,
        input_tokens, output_tokens, cache_read_tokens, ifNull(cost_usd, 0) AS cost_usd, ifNull(duration_ms, 0) AS ms, toUInt64(1) AS weight
    FROM mission_control.execution_steps
    WHERE type = 'llm_call' AND {ARRIVED} AND {_recent("started_at")}
    UNION ALL
    SELECT hour AS at, agent_name, user_id, provider, model, calls, errors, input_tokens, output_tokens, cache_read_tokens, cost_usd, p95_ms AS ms, calls AS weight
    FROM mission_control.usage_hourly
    WHERE {PROJECT} AND {_HOURLY}
)"""

TOOL_CALLS: Final = f"""(
    SELECT toDateTime(started_at) AS at, mcp_id, tool_name, agent_name, toUInt64(1) AS calls, toUInt64(status = 'error') AS errors,
        ifNull(duration_ms, 0) AS ms, toUInt64(1) AS weight
    FROM mission_control.execution_steps
    WHERE {MCP} AND type = 'tool_call' AND {ARRIVED} AND {_recent("started_at")}
    UNION ALL
    SELECT hour AS at, mcp_id, tool_name, agent_name, calls, errors, p95_ms AS ms, calls AS weight
    FROM mission_control.tools_hourly
    WHERE {PROJECT} AND {MCP} AND {_HOURLY}
)"""

CHECKS: Final = f"""(
    SELECT toDateTime(timestamp) AS at, resource, action, toUInt64(1) AS checks, toUInt64(ifNull(granted, 0) = 1) AS granted,
        toUInt64(ifNull(granted, 1) = 0) AS denied, toUInt64(isNull(granted)) AS pending, toUInt64(overreach) AS escalations
    FROM mission_control.permission_events
    WHERE {_recent("timestamp")}
    UNION ALL
    SELECT hour AS at, resource, action, checks, granted, denied, pending, escalations
    FROM mission_control.permissions_hourly
    WHERE {PROJECT} AND {_HOURLY}
)"""

HOURS_END: Final = "toStartOfHour($__toTime, 'UTC') - 3600"
"""What looks back for days reads hourly rollups until here, and single records from here on: by then an hour's count is not changed any more."""

P95: Final = "quantileExactWeighted(0.95)(ms, weight)"
P50: Final = "quantileExactWeighted(0.5)(ms, weight)"
APPROXIMATE: Final = "In ranges over six hours: of the hourly 95th percentiles, weighted by calls."
