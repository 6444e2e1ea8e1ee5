-- Tool calls of these hours, counted anew.
INSERT INTO tool_hours (project, hour, mcp_id, tool_name, agent_name, calls, errors, duration, last_seen_at, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, mcp_id, tool_name, agent_name, count(), countIf(status = 'error'),
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(duration_ns / 1e6)), max(started_at), {version:UInt64}, 0
FROM steps FINAL
WHERE type = 'tool_call' AND started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')
GROUP BY project, hour, mcp_id, tool_name, agent_name
