"""Subqueries that read single records in short ranges and the hourly rollups in long ones, with the same columns.

Which of the two is read depends on the range alone: the other one is asked for what cannot be, so that its indexes skip
all of it. (A condition that is merely false would not do: the engine then forgets the others, and reads every row.) `at` is the time of the
record or the start of its hour; `p50` and `p95` its duration (or its wait), or those quantiles of the hour, to be weighted by `weight`.
"""

from typing import Final

from dashboards.query import ARRIVED, MCP, PROJECT, arrived_since

SHORT_SECONDS: Final = 6 * 3600
"""Ranges up to this length read single records."""
LONG: Final = f"toUnixTimestamp($__toTime) - toUnixTimestamp($__fromTime) > {SHORT_SECONDS}"
_NEVER: Final = "toDateTime(4294967295)"


def _recent(column: str) -> str:
    """In long ranges a project that nobody has, and a time that never comes: one of the two every table is sorted or indexed by."""
    return f"project = if({LONG}, '', ${{project:singlequote}}) AND {column} >= if({LONG}, {_NEVER}, $__fromTime) AND {column} <= $__toTime"


_HOURLY: Final = f"hour >= if({LONG}, $__fromTime, {_NEVER}) AND hour <= $__toTime"
RECENT: Final = f"{ARRIVED} AND {_recent('started_at')}"
"""Steps of short ranges; none in long ones."""
HOURLY: Final = f"{PROJECT} AND {_HOURLY}"
"""Hours of long ranges; none in short ones."""

BUCKET: Final = f"toStartOfInterval(at, toIntervalSecond(if({LONG}, greatest($__interval_s, 3600), $__interval_s))) AS time"
"""The panel's interval, never finer than the rollups where they are read."""

LLM_CALLS: Final = f"""(
    SELECT toDateTime(started_at) AS at, agent_name, user_id, provider, model, toUInt64(1) AS calls, toUInt64(status = 'error') AS errors,
        input_tokens, output_tokens, cache_read_tokens, ifNull(cost_usd, 0) AS cost_usd, ifNull(duration_ms, 0) AS p50, p50 AS p95, toUInt64(1) AS weight
    FROM mission_control.execution_steps
    WHERE type = 'llm_call' AND {RECENT}
    UNION ALL
    SELECT hour AS at, agent_name, user_id, provider, model, calls, errors, input_tokens, output_tokens, cache_read_tokens, cost_usd,
        p50_ms AS p50, p95_ms AS p95, calls AS weight
    FROM mission_control.usage_hourly
    WHERE {HOURLY}
)"""

TOOL_CALLS: Final = f"""(
    SELECT toDateTime(started_at) AS at, mcp_id, tool_name, agent_name, toUInt64(1) AS calls, toUInt64(status = 'error') AS errors,
        ifNull(duration_ms, 0) AS p50, p50 AS p95, toUInt64(1) AS weight
    FROM mission_control.execution_steps
    WHERE {MCP} AND type = 'tool_call' AND {RECENT}
    UNION ALL
    SELECT hour AS at, mcp_id, tool_name, agent_name, calls, errors, p50_ms AS p50, p95_ms AS p95, calls AS weight
    FROM mission_control.tools_hourly
    WHERE {MCP} AND {HOURLY}
)"""


def steps(where: str = "1") -> str:
    """`where` is a condition on columns that single steps and `steps_hourly` share.

    `name` is told of directives, scripts and tools in both, of others in short ranges only; so are `thread_ids` of directives.
    """
    return f"""(
    SELECT toDateTime(started_at) AS at, type, toString(s.name) AS name, service, mcp_id, error_type, toUInt64(1) AS steps, toUInt64(status = 'running') AS running,
        toUInt64(status = 'paused') AS paused, toUInt64(status = 'cancelled') AS cancelled, toUInt64(status = 'error') AS errors,
        ifNull(duration_ms, 0) AS p50, p50 AS p95, p50 AS p99, toUInt64(isNotNull(duration_ms)) AS weight, [thread_id] AS thread_ids
    FROM mission_control.execution_steps AS s
    WHERE {where} AND {RECENT}
    UNION ALL
    SELECT hour AS at, type, toString(h.name) AS name, service, mcp_id, error_type, steps, running, paused, cancelled, errors,
        ifNull(p50_ms, 0) AS p50, ifNull(p95_ms, 0) AS p95, ifNull(p99_ms, 0) AS p99, toUInt64(if(isNull(p50_ms), 0, h.steps - h.running)) AS weight, thread_ids
    FROM mission_control.steps_hourly AS h
    WHERE {where} AND {HOURLY}
)"""


FIRST_TOKENS: Final = f"""(
    SELECT toDateTime(started_at) AS at, model, assumeNotNull(ttft_ms) AS p50, p50 AS p95, toUInt64(1) AS weight
    FROM mission_control.execution_steps
    WHERE type = 'llm_call' AND isNotNull(ttft_ms) AND {RECENT}
    UNION ALL
    SELECT hour AS at, model, assumeNotNull(p50_ttft_ms) AS p50, assumeNotNull(p95_ttft_ms) AS p95, first_tokens AS weight
    FROM mission_control.steps_hourly
    WHERE type = 'llm_call' AND first_tokens > 0 AND {HOURLY}
)"""


def checks_told(where: str) -> str:
    """A condition on `permission_events`: only of threads with statements that `where` lets count, which may be any of their columns."""
    return f"{PROJECT} AND thread_id IN (SELECT thread_id FROM mission_control.permission_statements WHERE {where})"


CHECKS: Final = f"""(
    SELECT toDateTime(timestamp) AS at, agent_name, source, resource, action, toUInt64(1) AS checks, toUInt64(ifNull(granted, 0) = 1) AS granted,
        toUInt64(ifNull(granted, 1) = 0) AS denied, toUInt64(isNull(granted)) AS pending, toUInt64(overreach) AS escalations,
        ifNull(waited_ms, 0) AS p50, p50 AS p95, toUInt64(isNotNull(waited_ms)) AS weight
    FROM mission_control.permission_events
    WHERE {checks_told(_recent("timestamp"))} AND {_recent("timestamp")}
    UNION ALL
    SELECT hour AS at, agent_name, source, resource, action, checks, granted, denied, pending, escalations,
        ifNull(p50_waited_ms, 0) AS p50, ifNull(p95_waited_ms, 0) AS p95, if(isNull(p50_waited_ms), 0, c.granted + c.denied) AS weight
    FROM mission_control.permissions_hourly AS c
    WHERE {HOURLY}
)"""

UNCHECKED: Final = f"""(
    SELECT toString(tool_name) AS tool, toUInt64(1) AS calls FROM mission_control.unchecked_calls WHERE {RECENT}
    UNION ALL
    SELECT toString(name) AS tool, unchecked AS calls FROM mission_control.steps_hourly WHERE type = 'tool_call' AND unchecked > 0 AND {HOURLY}
)"""

HOURS_END: Final = "toStartOfHour($__toTime, 'UTC') - 3600"
"""What looks back for days reads hourly rollups until here, and single records from here on: by then an hour's count is not changed any more."""


def quantile(share: float, column: str) -> str:
    """Of single records exactly, of hours the mean of theirs; null where there are none."""
    return f"if({LONG}, avgWeightedOrNull({column}, weight), quantileExactWeightedOrNull({share})({column}, weight))"


P50: Final = quantile(0.5, "p50")
P95: Final = quantile(0.95, "p95")
P99: Final = quantile(0.99, "p99")
APPROXIMATE: Final = "In ranges over six hours: the mean of the hours' own, weighted by how many there were."


def newest(rows: int, counted: str, view: str, where: str = "1") -> str:
    """A time in the range since which the newest `rows` of what `counted` adds up in hours of `view` are.

    Lists of the newest read single records from there on, so a quarter of a year costs them no more than its last hours.
    """
    hours = f"SELECT hour, sum({counted}) AS own, sum(own) OVER (ORDER BY hour DESC) AS until FROM mission_control.{view}"
    inside = f"{PROJECT} AND {where} AND hour >= toStartOfHour($__fromTime) AND hour < {HOURS_END}"
    first = f"SELECT minOrNull(hour) FROM ({hours} WHERE {inside} GROUP BY hour) WHERE own > 0 AND until - own < {rows}"
    return f"greatest($__fromTime, ifNull(({first}), {HOURS_END}))"


def newest_steps(rows: int, counted: str, where: str = "1") -> str:
    """A condition on steps: those of the range that began since `newest`."""
    since = newest(rows, counted, "steps_hourly", where)
    return f"{PROJECT} AND {where} AND {arrived_since(since)} AND started_at >= {since} AND started_at <= $__toTime"
