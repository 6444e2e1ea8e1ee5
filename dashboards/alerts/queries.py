"""The numbers that rules look at: one row for each project (or server), over the range that ends now. No variables: nobody chooses."""

from typing import Final

from dashboards.objectives import Objective, burn, counted
from dashboards.sources import HOURS_END

MCP_DOWN: Final = """
SELECT project, mcp_id, toFloat64(countIf(status = 'error') > 2 AND countIf(status = 'complete') = 0) AS value
FROM mission_control.execution_steps WHERE mcp_id != '' AND type = 'tool_call' AND $__timeFilter(started_at)
GROUP BY project, mcp_id"""
"""1 where at least three calls failed and none succeeded."""

ERRORS: Final = f"""
SELECT project, toFloat64(recent > 0.1 AND failed > 4 AND recent > 3 * usual) AS value FROM (
    SELECT project, sum(bad) AS failed, sum(bad) / greatest(sum(steps), 1) AS recent, sum(bad_before) / greatest(sum(before), 1) AS usual FROM (
        SELECT project, countIf(status = 'error') AS bad, count() AS steps, toUInt64(0) AS bad_before, toUInt64(0) AS before
        FROM mission_control.execution_steps WHERE started_at >= $__toTime - 900 AND started_at <= $__toTime GROUP BY project
        UNION ALL
        SELECT project, 0, 0, sum(errors), sum(h.steps)
        FROM mission_control.steps_hourly AS h WHERE $__timeFilter(hour) AND hour < {HOURS_END} GROUP BY project)
    GROUP BY project)"""
"""1 where more than a tenth of the steps of a quarter of an hour failed, three times as many as in the hours of a day before."""

DENIALS: Final = """
SELECT project, if(count() >= 5, countIf(granted = 0) / greatest(countIf(isNotNull(granted)), 1), 0) AS value
FROM mission_control.permission_events WHERE $__timeFilter(timestamp) GROUP BY project"""
"""Share of denials, where there were at least five checks."""

ESCALATIONS: Final = """
SELECT project, toFloat64(countIf(overreach = 1 AND escalation_rule != 'auto_accept' AND escalation_status != 'rejected')) AS value
FROM mission_control.permission_events WHERE $__timeFilter(timestamp) GROUP BY project"""
"""Escalations that were not rejected: they wait, or they went through. What is only new for its agent, or accepted by a mode, wakes nobody."""

STALLED: Final = """
SELECT project, toFloat64(countIf(isNotNull(stalled_since))) AS value
FROM mission_control.threads WHERE kind != 'trace' AND $__timeFilter(last_seen_at) GROUP BY project"""

BUDGET: Final = """
SELECT project, sum(cost_usd) AS value FROM mission_control.usage_hourly WHERE $__timeFilter(hour) GROUP BY project"""
"""US dollars of a day."""

COST_ANOMALY: Final = """
SELECT project, if(latest > 1, latest / greatest(usual, 0.1), 0) AS value FROM (
    SELECT project, sumIf(cost_usd, hour >= $__toTime - 7200) / 2 AS latest, sumIf(cost_usd, hour < $__toTime - 7200) / (7 * 24) AS usual
    FROM mission_control.usage_hourly WHERE $__timeFilter(hour) GROUP BY project)"""
"""Cost of an hour in multiples of the week's mean hour, where it is above one US dollar."""

TOKENS: Final = f"""
SELECT project, if(latest > 10000, latest / greatest(usual, 1000), 0) AS value FROM (
    SELECT project, sum(tokens) AS latest, sum(before) / 88 AS usual FROM (
        SELECT project, sum(input_tokens + output_tokens) AS tokens, toUInt64(0) AS before
        FROM mission_control.execution_steps WHERE type = 'llm_call' AND started_at >= $__toTime - 900 AND started_at <= $__toTime GROUP BY project
        UNION ALL
        SELECT project, 0, sum(input_tokens + output_tokens)
        FROM mission_control.usage_hourly WHERE hour >= {HOURS_END} - 22 * 3600 AND hour < {HOURS_END} GROUP BY project)
    GROUP BY project)"""
"""Tokens of a quarter of an hour in multiples of the mean of 22 hours before, where they are more than ten thousand."""

LOOPS: Final = """
SELECT project, toFloat64(max(loop_count)) AS value
FROM mission_control.threads WHERE status = 'running' AND $__timeFilter(last_seen_at) GROUP BY project"""
"""How often the worst running thread repeats itself."""

INGEST_LAG: Final = """
SELECT project, max(lag_ms_max) AS value FROM mission_control.ingest_ledger WHERE $__timeFilter(minute) GROUP BY project"""
"""Milliseconds."""

DEAD_LETTERS: Final = """
SELECT project, toFloat64(countIf(isNull(replayed_at))) AS value FROM mission_control.dead_letters WHERE $__timeFilter(received_at) GROUP BY project"""
"""Those that were not replayed."""

SILENCE: Final = """
SELECT toFloat64(countIf(minute >= $__toTime - 600) = 0) AS value FROM mission_control.ingest_ledger
WHERE project != 'mission-control' AND $__timeFilter(minute) HAVING count() > 0"""
"""1 when nothing but our own metrics arrived for ten minutes; no row when nothing arrived for a day, which counts as the same."""

DISK: Final = """
SELECT project, sum(grown) AS value FROM (
    SELECT project, max(Value) - min(Value) AS grown FROM mission_control.otel_metrics_sum
    WHERE MetricName = 'mission_control_log_refused_total' AND $__timeFilter(TimeUnix) GROUP BY project, ResourceAttributes, Attributes)
GROUP BY project"""
"""Requests that were refused; needs Mission Control's own metrics (docs/grafana.md)."""

_WINDOWS: Final = ((14.4, 3600, 300), (6.0, 21_600, 1800), (1.0, 259_200, 21_600))
"""Burn rate, long window and short window in seconds: two per cent of a month's budget in an hour, five in six hours, ten in three days."""


def burning(objective: Objective) -> str:
    """1 where the budget burns faster than a pair of windows allows, in both of them."""
    spent = " OR ".join(f"({burn(objective, long)} > {rate} AND {burn(objective, short)} > {rate})" for rate, long, short in _WINDOWS)
    return f"""
SELECT project, toFloat64({spent}) AS value FROM {counted(objective, "$__fromTime")} GROUP BY project"""
