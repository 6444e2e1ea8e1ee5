-- A data set that fills every panel: six busy hours that end now (120 threads of nine steps), and ninety days of hourly rollups before them.
-- {project:String} is whose it is; {metrics:Array(Tuple(String, String, String, String))} are (name, kind, label, its value) of Mission Control's own metrics.

INSERT INTO thread_summaries (project, started_at, thread_id, kind, name, status, waiting_for, service_version, user_input, agent_name, user_id, mcp_ids, services, models,
    trace_ids, last_seen_at, ended_at, current_step, step_count, llm_calls, tool_calls, error_count, loop_count, permission_checks, permission_denials, escalations,
    input_tokens, output_tokens, cache_read_tokens, cost_usd, error_message, last_received, computed_at, retention_days, version, is_deleted)
SELECT {project:String}, now64(9) - toIntervalSecond(21000 - number * 170) AS began, 't' || leftPad(toString(number), 4, '0'), 'agent', 'planner ' || toString(number % 3),
    multiIf(number % 20 = 7, 'error', number % 20 = 9, 'running', number % 20 = 11, 'paused', 'complete') AS status, if(number % 20 = 11, 'a person', ''),
    if(number < 60, '1.0', '1.1'), 'Where is order ' || toString(number), 'planner ' || toString(number % 3), 'ann', ['files', 'orders'], ['shop'], ['model-a', 'model-b'],
    [lower(hex(MD5('t' || leftPad(toString(number), 4, '0'))))], began + toIntervalSecond(40), if(status IN ('running', 'paused'), NULL, began + toIntervalSecond(40)), 'chat', 8, 3, 4, number % 20 = 7, if(number % 20 = 9, 4, 0), 2,
    number % 5 = 0, number % 9 = 0, 3000, 400, 1000, 0.02, if(status = 'error', 'out of stock', ''), began + toIntervalSecond(40), now64(9), 365, 1, 0
FROM numbers(120);

INSERT INTO steps (project, thread_id, trace_id, step_id, parent_step_id, span_ids, type, name, status, service, started_at, duration_ns, mcp_id, agent_name, user_id, tool_name,
    request_model, model, provider, ttft_ms, input, output, input_tokens, output_tokens, cache_read_tokens, cost_usd, error_type, error_message, received, retention_days, version, is_deleted)
SELECT {project:String}, thread_id, trace_id, lower(hex(part)) || substring(trace_id, 1, 8) AS step_id, if(part = 0, '', lower(hex(if(part > 5, 1, 0))) || substring(trace_id, 1, 8)), [step_id],
    multiIf(part = 0, 'directive', part % 2 = 1, 'llm_call', 'tool_call') AS type, multiIf(type = 'directive', 'restock ' || toString(number % 3), type = 'llm_call', 'chat', 'look') AS name,
    if(part = 4 AND number % 20 = 7 OR part = 0 AND number % 20 = 7, 'error', 'complete') AS status, 'shop', began + toIntervalSecond(part * 4), if(part = 0, 40, 3 + part % 3) * 1000000000,
    if(type = 'tool_call', if(part = 2, 'files', 'orders'), ''), 'planner ' || toString(number % 3), 'ann', if(type = 'tool_call', 'look_' || toString(part), ''),
    'model-a', if(type = 'llm_call', if(part = 1, 'model-a', 'model-b'), '') AS model, if(type = 'llm_call', 'acme', ''), if(type = 'llm_call', 300, NULL), '{}', '[]',
    if(type = 'llm_call', 1000, 0), if(type = 'llm_call', 130, 0), if(type = 'llm_call', 300, 0), if(type = 'llm_call', 0.006, NULL),
    if(status = 'error', 'timeout', ''), if(status = 'error', 'no answer', ''), now64(9), 365, 1, 0
FROM (SELECT number, 't' || leftPad(toString(number), 4, '0') AS thread_id, lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))) AS trace_id, now64(9) - toIntervalSecond(21000 - number * 170) AS began FROM numbers(120)) AS threads
ARRAY JOIN range(9) AS part;

INSERT INTO spans (project, TraceId, SpanId, ParentSpanId, Timestamp, Duration, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName, SpanAttributes, StatusCode,
    `Events.Timestamp`, `Events.Name`, `Events.Attributes`, `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`, origin, final, received, retention_days, version)
SELECT {project:String}, lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), lower(hex(part)) || substring(lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), 1, 8), if(part = 0, '', '00' || substring(lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), 1, 8)), now64(9) - toIntervalSecond(21000 - number * 170) + toIntervalSecond(part * 4), 3000000000,
    if(part = 0, 'invoke_agent', 'chat'), 'Internal', 'shop', map('service.name', 'shop'), 'scope',
    map('gen_ai.agent.name', 'planner', 'gen_ai.tool.definitions', if(number < 60, 'item:1', 'item:2')), if(part = 4, 'Error', 'Unset'),
    [now64(9)], ['said'], [map('a', 'b')], [lower(hex(MD5('t' || leftPad(toString(number), 4, '0'))))], ['aa'], [''], [map()], 'span', 1, now64(9), 365, 1
FROM numbers(120) ARRAY JOIN range(9) AS part;

INSERT INTO log_records (project, Timestamp, record_id, SeverityNumber, level, ServiceName, Body, LogAttributes, EventName, TraceId, thread_id, mcp_id, exception, received, retention_days, version)
SELECT {project:String}, now64(9) - toIntervalSecond(21000 - number * 170) + toIntervalSecond(part), MD5(toString(number * 10 + part)), 9, ['INFO', 'WARN', 'ERROR'][part + 1], 'shop', 'said ' || toString(number),
    map('to_mode', if(part = 0, 'plan', '')), if(part = 0, 'permission_mode_changed', ''), lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), 't' || leftPad(toString(number), 4, '0'), 'files', if(part = 2, 'Timeout: no answer', ''), now64(9), 365, 1
FROM numbers(120) ARRAY JOIN range(3) AS part;

INSERT INTO message_rows (project, thread_id, role, content_hash, occurrence, trace_id, step_id, direction, position, timestamp, received, retention_days, version, is_deleted)
SELECT {project:String}, 't' || leftPad(toString(number), 4, '0'), ['user', 'assistant'][part + 1], MD5(toString(part)), 1, lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), 's', 'input', part, now64(9) - toIntervalSecond(21000 - number * 170), now64(9), 365, 1, 0
FROM numbers(120) ARRAY JOIN range(2) AS part;

INSERT INTO message_bodies (project, hash, kind, body, received, retention_days)
SELECT {project:String}, MD5(toString(number)), 'item', '{"role": "user", "parts": [{"type": "text", "content": "hello"}]}', now(), 365 FROM numbers(2);

INSERT INTO permission_rows (project, thread_id, event_id, phase, timestamp, trace_id, step_id, mcp_id, agent_name, subject, resource, action, result, reason, source,
    escalation_detected, escalation_rule, escalation_status, severity, received, retention_days, version, is_deleted)
SELECT {project:String}, 't' || leftPad(toString(number), 4, '0'), 'e' || toString(number), phase, now64(9) - toIntervalSecond(21000 - number * 170) + if(phase = 'ask', 0, 2), lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), '02' || substring(lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), 1, 8), 'files', 'planner', 'agent:planner',
    'file:' || toString(number % 4), 'write', multiIf(phase = 'ask', '', number % 5 = 0, 'deny', 'allow'), 'because', 'policy', number % 9 = 0, if(number % 9 = 0, 'beyond', ''), '', 'high', now64(9), 365, 1, 0
FROM numbers(120) ARRAY JOIN if(number % 7 = 3, ['ask'], ['ask', 'decision']) AS phase;

INSERT INTO traces (project, trace_id, thread_id, started_at, last_at, first_received, last_received, spans, retention_days, version)
SELECT {project:String}, lower(hex(MD5('t' || leftPad(toString(number), 4, '0')))), 't' || leftPad(toString(number), 4, '0'), now64(9) - toIntervalSecond(21000 - number * 170), now64(9) - toIntervalSecond(21000 - number * 170) + 40, now64(9), now64(9), 9, 365, 1 FROM numbers(120);

INSERT INTO usage_hours (project, hour, agent_name, user_id, provider, model, calls, errors, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, duration, version, is_deleted)
SELECT {project:String}, toStartOfHour(now('UTC') - toIntervalHour(number)) AS hour, 'planner ' || toString(part), 'ann', 'acme', if(part = 1 AND number < 4, 'model-c', ['model-a', 'model-b'][part + 1]) AS model, 40, 1, 40000, 5000, 9000, 0, 0.3, quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(100 + number % 7 * 50 + part)), 1, 0
FROM numbers(2160) ARRAY JOIN range(2) AS part GROUP BY number, part;

INSERT INTO tool_hours (project, hour, mcp_id, tool_name, agent_name, calls, errors, duration, last_seen_at, version, is_deleted)
SELECT {project:String}, toStartOfHour(now('UTC') - toIntervalHour(number)) AS hour, ['files', 'orders'][part + 1], 'look_' || toString(2 + part * 2), 'planner ' || toString(part), 30, 2, quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(100 + number % 7 * 50 + part)), hour, 1, 0
FROM numbers(2160) ARRAY JOIN range(2) AS part GROUP BY number, part;

INSERT INTO step_counts (project, hour, type, name, service, mcp_id, model, error_type, steps, errors, unchecked, under_1s, under_10s, under_60s, durations, first_tokens, ttfts,
    longest_ms, longest, threads, version, is_deleted)
SELECT {project:String}, toStartOfHour(now('UTC') - toIntervalHour(number)) AS hour, type, multiIf(type = 'directive', 'restock 0', type = 'tool_call', 'look_2', ''), 'shop', if(type = 'tool_call', 'files', ''),
    if(type = 'llm_call', 'model-a', ''), 'timeout', 70, 2, type = 'tool_call', 30, 66, 68, [3000, 5000, 6000], if(type = 'llm_call', 70, 0), if(type = 'llm_call', [300, 400], []),
    6500, ('t0047', 'look', hour), if(type = 'directive', ['t0047'], []), 1, 0
FROM numbers(2160) ARRAY JOIN ['llm_call', 'tool_call', 'directive'] AS type;

INSERT INTO check_counts (project, hour, agent_name, source, resource, action, checks, granted, denied, pending, escalations, detected, waits, version, is_deleted)
SELECT {project:String}, toStartOfHour(now('UTC') - toIntervalHour(number)), 'planner', 'policy', 'file:' || toString(number % 4), 'write', 20, 15, 4, 1, 2, 2, [2000, 4000], 1, 0 FROM numbers(2160);

INSERT INTO error_hours (project, hour, fingerprint, error_type, message, service, first_seen_at, last_seen_at, service_versions, errors, threads, version, is_deleted)
SELECT {project:String}, toStartOfHour(now('UTC') - toIntervalHour(number)), 'f' || toString(number % 3), 'timeout', 'no answer', 'shop', toStartOfHour(now('UTC') - toIntervalHour(number)), toStartOfHour(now('UTC') - toIntervalHour(number)), ['1.0'], 3, uniqState('t' || toString(number)), 1, 0
FROM numbers(48) GROUP BY number;

INSERT INTO dead_letter_rows (log_topic, log_partition, log_offset, part, received_at, source, project, signal, reason, error, payload, payload_sha256, version)
SELECT 'otlp_spans', 0, number + cityHash64({project:String}) % 1000000007 * 1000, 0, now64(9) - toIntervalMinute(number * 20), 'otlp_http', {project:String}, 'otlp_spans', ['malformed', 'too_large'][number % 2 + 1],
    'not OTLP', 'xx', '00', 1 FROM numbers(15);

INSERT INTO ledger_rows (log_topic, log_partition, log_offset, received, stored_at, source, project, signal, records, stored, rejected, bytes, version)
SELECT 'otlp_' || signal, 0, number + cityHash64({project:String}) % 1000000007 * 10000, now64(9) - toIntervalSecond(number * 60) AS received, received + toIntervalMillisecond(40), 'otlp_http', {project:String}, signal, 100, 100, 0, 90000, 1
FROM numbers(360) ARRAY JOIN ['spans', 'logs'] AS signal;

INSERT INTO alert_rows (project, alert_id, rule, severity, status, started_at, ended_at, labels, value, version)
SELECT {project:String}, 'a' || toString(number), 'mcp-down', 'critical', 'resolved', now64(9) - toIntervalMinute(30 + number * 60), now64(9) - toIntervalMinute(10), map('mcp_id', 'files'), 1, 1 FROM numbers(3);

INSERT INTO audit_rows (project, event_id, timestamp, writer, type, severity, status, actor, action, target, outcome)
SELECT {project:String}, 'e' || toString(number), now64(9) - toIntervalMinute(number * 20), 'here', 'command', 'info', 'success', ['ann', 'bob'][number % 2 + 1], 'dead_letters.replay', 'all', 'success' FROM numbers(15);

INSERT INTO metric_points (project, MetricName, point_id, kind, TimeUnix, ServiceName, ResourceAttributes, Attributes, Value, AggregationTemporality, IsMonotonic, Count, Sum, received, retention_days, version)
SELECT {project:String}, metric.1, MD5(concat(metric.1, toString(number))), metric.2, now64(9) - toIntervalSecond(number * 60), 'mission-control', map('service.instance.id', 'one'),
    if(metric.3 = '', map(), map(metric.3, metric.4)), if(metric.2 = 'gauge', 1000 + number, (400 - number) * 60), 2, metric.2 = 'sum', (400 - number) * 10, 400 - number, now64(9), 365, 1
FROM numbers(360) ARRAY JOIN {metrics:Array(Tuple(String, String, String, String))} AS metric;

INSERT INTO metric_points (project, MetricName, point_id, kind, TimeUnix, ServiceName, ResourceAttributes, Value, received, retention_days, version)
SELECT {project:String}, 'process.memory.usage', MD5(concat('shop', toString(number))), 'gauge', now64(9) - toIntervalSecond(number * 60), 'shop', map('service.instance.id', 'shop-1'),
    100000000 + number * 1000, now64(9), 365, 1
FROM numbers(360);
