-- Steps of these hours by what they were, counted anew. What is unchecked is said as in the view `unchecked_calls`.
INSERT INTO step_counts (project, hour, type, name, service, mcp_id, model, error_type, steps, running, paused, cancelled, errors, unchecked, under_1s, under_10s, under_60s,
    durations, first_tokens, ttfts, longest_ms, longest, threads, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, type, multiIf(type IN ('directive', 'script'), s.name, type = 'tool_call', s.tool_name, '') AS called, service, mcp_id,
    if(type = 'llm_call', s.model, '') AS asked, if(status = 'error', s.error_type, '') AS failed,
    count(), countIf(status = 'running'), countIf(status = 'paused'), countIf(status = 'cancelled'), countIf(status = 'error'),
    countIf(type = 'tool_call' AND NOT arrayExists(id -> (project, thread_id, id) IN (
        SELECT project, thread_id, arrayJoin([event_id, p.step_id]) AS id FROM permission_rows AS p FINAL
        WHERE phase = 'decision' AND id != '' AND (project, thread_id) IN (
            SELECT project, thread_id FROM steps WHERE type = 'tool_call' AND started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC'))
    ), arrayConcat(span_ids, [step_id, tool_call_id]))),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 1000000000), countIf(status NOT IN ('running', 'error') AND duration_ns < 10000000000),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 60000000000),
    arrayFilter(q -> NOT isNaN(q), quantilesTDigestIf(0.5, 0.95, 0.99)(toFloat64(duration_ns / 1e6), status != 'running')), countIf(type = 'llm_call' AND ttft_ms IS NOT NULL),
    arrayFilter(q -> NOT isNaN(q), quantilesTDigestIf(0.5, 0.95)(assumeNotNull(ttft_ms), type = 'llm_call' AND ttft_ms IS NOT NULL)),
    maxIf(duration_ns, status != 'running') / 1e6, argMaxIf((s.thread_id, toString(s.name), s.started_at), (duration_ns, s.thread_id, step_id), status != 'running'),
    arraySort(groupUniqArrayIf(thread_id, type = 'directive')), {version:UInt64}, 0
FROM steps AS s FINAL
WHERE started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')
GROUP BY project, hour, type, called, service, mcp_id, asked, failed
