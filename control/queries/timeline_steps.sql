-- The steps of one page of a timeline, all columns: wide ones are read of the page alone, once it is known by its order.
SELECT
    step_id, trace_id, parent_step_id, type, name, description, status, environment, service, service_version, host, started_at,
    if(status = 'running', NULL, fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(started_at)) + duration_ns, 9223372036854775807)), 'UTC')) AS ended_at,
    if(status = 'running', NULL, duration_ns / 1e6) AS duration_ms,
    mcp_id, agent_name, user_id, tool_name, tool_call_id, request_model, model, provider, prompt_name, prompt_version, ttft_ms,
    input, output, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd,
    finish_reason, error_type, error_message, memory_bytes, cpu_utilization, arrayDistinct(arrayPushFront(steps.span_ids, step_id)) AS span_ids, attributes,
    toUnixTimestamp64Nano(started_at) AS at_ns
FROM steps FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String}
    AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    AND (started_at, step_id) > (fromUnixTimestamp64Nano({after:Int64}), {after_id:String}) --? after
ORDER BY started_at, step_id
LIMIT {limit:UInt32}
