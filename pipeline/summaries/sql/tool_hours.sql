-- Tool calls of these hours, counted anew. A call whose span does not name the agent is the agent's of its thread.
INSERT INTO tool_hours (project, hour, mcp_id, tool_name, agent_name, calls, errors, duration, last_seen_at, version, is_deleted)
SELECT s.project AS project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, mcp_id, tool_name, if(s.agent_name = '', t.agent_name, s.agent_name) AS agent, count(), countIf(status = 'error'),
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(duration_ns / 1e6)), max(started_at), {version:UInt64}, 0
FROM (
    SELECT * EXCEPT (agent_name), toString(agent_name) AS agent_name FROM steps FINAL
    WHERE type = 'tool_call' AND started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')
) AS s
LEFT ANY JOIN (
    SELECT project, thread_id, toString(agent_name) AS agent_name FROM thread_summaries FINAL
    WHERE agent_name != '' AND started_at < toDateTime({to:UInt32}, 'UTC') AND last_seen_at >= toDateTime({from:UInt32}, 'UTC')
) AS t ON s.project = t.project AND s.thread_id = t.thread_id
GROUP BY project, hour, mcp_id, tool_name, agent
