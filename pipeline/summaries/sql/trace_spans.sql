-- All spans of the touched traces, newest form of each. `received` skips what lies before the traces' first day.
SELECT
    project, TraceId AS trace_id, SpanId AS span_id, ParentSpanId AS parent_id, SpanKind AS kind, type, status, final, StatusCode AS status_code,
    thread_key, thread_rank, parent_thread_key, tool_name, tool_call_id, mcp_id, agent_name, model, user_id, error_type, error_message, user_input,
    toUnixTimestamp64Nano(Timestamp) AS started, Duration AS duration, toUnixTimestamp64Nano(received) AS received_ns,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, memory_bytes, cpu_utilization,
    notEmpty(bodies['gen_ai.input.messages']) OR notEmpty(bodies['gen_ai.output.messages']) AS has_messages, version AS form,
    SpanName AS name, ServiceName AS service, environment, service_version, host, request_model, provider, prompt_name, prompt_version, ttft_ms,
    reasoning_tokens, finish_reason, log_partition, log_offset, retention_days, received,
    substringUTF8(SpanAttributes['gen_ai.tool.call.arguments'], 1, 4000) AS input, substringUTF8(SpanAttributes['gen_ai.tool.call.result'], 1, 4000) AS output,
    coalesce(nullIf(SpanAttributes['gen_ai.tool.description'], ''), SpanAttributes['gen_ai.agent.description']) AS description,
    mapFilter((k, v) -> NOT (startsWith(k, 'gen_ai.') OR startsWith(k, 'mcp.') OR startsWith(k, 'mission_control.')) OR k IN ('gen_ai.conversation.id', 'mcp.method.name', 'mcp.resource.uri'), SpanAttributes) AS attributes
FROM spans FINAL
WHERE received >= fromUnixTimestamp64Nano({since:Int64}) AND (project, TraceId) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)})))
