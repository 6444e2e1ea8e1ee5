-- One thread whole, found through the bloom index on thread_id. Over the table: the view's columns cost as much again to plan.
SELECT
    project, thread_id, parent_thread_id, kind, name, status,
    if(status = 'running' AND waiting_for = '' AND last_received < fromUnixTimestamp64Nano({stalled_at:Int64}), last_seen_at, NULL) AS stalled_since,
    waiting_for, waiting_since, loop_count, CAST('none', 'LowCardinality(String)') AS controls,
    environment, service_version, host, tags, user_input, agent_name, user_id, mcp_ids, services, models, trace_ids,
    started_at, last_seen_at, ended_at,
    (toUnixTimestamp64Nano(coalesce(ended_at, last_seen_at)) - toUnixTimestamp64Nano(started_at)) / 1e6 AS duration_ms,
    current_step, step_count, llm_calls, tool_calls, unchecked_calls, error_count, permission_checks, permission_denials, escalations,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, cost_estimated, memory_bytes, cpu_utilization,
    error_type, error_message, attributes
FROM thread_summaries FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String}
LIMIT 1
