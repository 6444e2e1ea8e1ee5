-- Steps whose newest span lies in one stretch of the log, in its order.
SELECT
    project, thread_id, step_id, trace_id, parent_step_id, type, name, description, status, environment, service, service_version, host, started_at,
    if(status = 'running', NULL, fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(started_at)) + duration_ns, 9223372036854775807)), 'UTC')) AS ended_at,
    if(status = 'running', NULL, duration_ns / 1e6) AS duration_ms,
    mcp_id, agent_name, user_id, tool_name, tool_call_id, request_model, model, provider, prompt_name, prompt_version, ttft_ms,
    input, output, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd,
    finish_reason, error_type, error_message, memory_bytes, cpu_utilization, arrayDistinct(arrayPushFront(steps.span_ids, step_id)) AS span_ids, attributes, log_offset
FROM steps FINAL
WHERE log_partition = {partition:UInt16} AND log_offset >= {low:UInt64} AND log_offset < {high:UInt64}
    AND project = {project:String} --? project
    AND thread_id = {thread_id:String} --? thread_id
    AND mcp_id = {mcp_id:String} --? mcp_id
ORDER BY log_offset, started_at, step_id
LIMIT {limit:UInt32}
