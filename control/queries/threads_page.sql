-- The threads of one page, all columns but attributes; their starts prune by the key, however far apart they lie.
SELECT
    project, thread_id, parent_thread_id, kind, name, status,
    waiting_for, waiting_since, loop_count, CAST('none', 'LowCardinality(String)') AS controls,
    environment, service_version, host, tags, user_input, agent_name, user_id, mcp_ids, services, models,
    started_at, last_seen_at, ended_at,
    (toUnixTimestamp64Nano(coalesce(ended_at, last_seen_at)) - toUnixTimestamp64Nano(started_at)) / 1e6 AS duration_ms,
    current_step, step_count, llm_calls, tool_calls, unchecked_calls, error_count, permission_checks, permission_denials, escalations,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, cost_estimated, memory_bytes, cpu_utilization,
    error_type, error_message, version, toUnixTimestamp64Nano(last_received) AS received_ns
FROM thread_summaries FINAL
WHERE project IN {projects:Array(String)}
    AND started_at IN (SELECT fromUnixTimestamp64Nano(arrayJoin({times:Array(Int64)}), 'UTC'))
    AND thread_id IN {thread_ids:Array(String)}
