-- Long ranges, by hour. Quantiles of an hour are numbers here; `mcps` merges their states over longer spans.
CREATE OR REPLACE VIEW usage_hourly (
    project LowCardinality(String) COMMENT 'Project (tenant)', hour DateTime('UTC') COMMENT 'Start of the hour',
    agent_name LowCardinality(String) COMMENT 'Agent', user_id LowCardinality(String) COMMENT 'Person',
    provider LowCardinality(String) COMMENT 'Model provider', model LowCardinality(String) COMMENT 'Model',
    calls UInt64 COMMENT 'LLM calls', errors UInt64 COMMENT 'Those that failed',
    input_tokens UInt64 COMMENT 'Input tokens, cached ones included', output_tokens UInt64 COMMENT 'Output tokens',
    cache_read_tokens UInt64 COMMENT 'Read from a cache', cache_write_tokens UInt64 COMMENT 'Written to a cache',
    cost_usd Float64 COMMENT 'Cost in US dollars: stated, else tokens by the price list', p50_ms Float64 COMMENT 'Median duration', p95_ms Float64 COMMENT '95th percentile of duration', p99_ms Float64 COMMENT '99th percentile of duration'
) COMMENT 'LLM calls by hour, agent, user and model' AS
WITH (SELECT mapFromArrays(groupArray(concat(toString(provider), '\n', toString(model))), groupArray([input_usd, output_usd, cache_read_usd, cache_write_usd])) FROM mission_control.model_prices FINAL) AS prices
SELECT project, hour, agent_name, user_id, provider, model, calls, errors, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    u.cost_usd + arraySum((price, count) -> price * count, arrayResize(prices[concat(toString(provider), '\n', toString(model))], 4), arrayResize(u.unpriced, 4)) AS cost_usd,
    toFloat64(finalizeAggregation(duration)[1]) AS p50_ms, toFloat64(finalizeAggregation(duration)[2]) AS p95_ms, toFloat64(finalizeAggregation(duration)[3]) AS p99_ms
FROM mission_control.usage_hours AS u FINAL;

CREATE OR REPLACE VIEW tools_hourly (
    project LowCardinality(String) COMMENT 'Project (tenant)', hour DateTime('UTC') COMMENT 'Start of the hour',
    mcp_id LowCardinality(String) COMMENT 'MCP server', tool_name LowCardinality(String) COMMENT 'Tool', agent_name LowCardinality(String) COMMENT 'Agent',
    calls UInt64 COMMENT 'Tool calls', errors UInt64 COMMENT 'Those that failed', p50_ms Float64 COMMENT 'Median duration', p95_ms Float64 COMMENT '95th percentile of duration',
    p99_ms Float64 COMMENT '99th percentile of duration', last_seen_at DateTime64(9, 'UTC') COMMENT 'Last call'
) COMMENT 'Tool calls by hour, MCP server, tool and agent' AS
SELECT project, hour, mcp_id, tool_name, agent_name, calls, errors,
    toFloat64(finalizeAggregation(duration)[1]) AS p50_ms, toFloat64(finalizeAggregation(duration)[2]) AS p95_ms, toFloat64(finalizeAggregation(duration)[3]) AS p99_ms, last_seen_at
FROM mission_control.tool_hours FINAL;

CREATE OR REPLACE VIEW permissions_hourly (
    project LowCardinality(String) COMMENT 'Project (tenant)', hour DateTime('UTC') COMMENT 'Start of the hour', agent_name LowCardinality(String) COMMENT 'Agent that asked',
    source LowCardinality(String) COMMENT 'Who decided: policy, config, hook, user, user_session, classifier, default; of checks that nobody decided what the question said',
    resource String COMMENT 'What was asked for', action LowCardinality(String) COMMENT 'What was to be done',
    checks UInt64 COMMENT 'Permission checks', granted UInt64 COMMENT 'Allowed', denied UInt64 COMMENT 'Denied', pending UInt64 COMMENT 'Not decided', escalations UInt64 COMMENT 'Asked for more than was held',
    detected UInt64 COMMENT 'Escalations and what was new for its agent', p50_waited_ms Nullable(Float64) COMMENT 'Median from the question to the decision; null where none was decided',
    p95_waited_ms Nullable(Float64) COMMENT '95th percentile of the same'
) COMMENT 'Permission checks by hour, agent, decider, resource and action' AS
SELECT project, hour, agent_name, source, resource, action, checks, granted, denied, pending, escalations, detected,
    if(empty(waits), NULL, waits[1]) AS p50_waited_ms, if(empty(waits), NULL, waits[2]) AS p95_waited_ms
FROM mission_control.check_counts FINAL;

CREATE OR REPLACE VIEW steps_hourly (
    project LowCardinality(String) COMMENT 'Project (tenant)', hour DateTime('UTC') COMMENT 'Start of the hour', type LowCardinality(String) COMMENT 'Type of the steps',
    name LowCardinality(String) COMMENT 'Name of the directive, script or tool; empty for other types', service LowCardinality(String) COMMENT 'service.name',
    mcp_id LowCardinality(String) COMMENT 'MCP server that served them', model LowCardinality(String) COMMENT 'Model of LLM calls', error_type LowCardinality(String) COMMENT 'error.type of those that failed',
    steps UInt64 COMMENT 'Steps that began in the hour', running UInt64 COMMENT 'Those that have not ended', paused UInt64 COMMENT 'Those that paused', cancelled UInt64 COMMENT 'Those that were cancelled',
    errors UInt64 COMMENT 'Those that failed', unchecked UInt64 COMMENT 'Tool calls with no permission decision recorded',
    under_1s UInt64 COMMENT 'Those that ended within a second and did not fail', under_10s UInt64 COMMENT 'The same within ten seconds', under_60s UInt64 COMMENT 'The same within a minute',
    p50_ms Nullable(Float64) COMMENT 'Median duration of those that ended; null where none has', p95_ms Nullable(Float64) COMMENT '95th percentile of the same', p99_ms Nullable(Float64) COMMENT '99th percentile of the same',
    first_tokens UInt64 COMMENT 'LLM calls that state the time to their first token', p50_ttft_ms Nullable(Float64) COMMENT 'Median of that time; null where none states it', p95_ttft_ms Nullable(Float64) COMMENT '95th percentile of the same',
    longest_ms Float64 COMMENT 'Duration of the longest that ended', longest_thread_id String COMMENT 'Thread of that step', longest_name String COMMENT 'Its span name', longest_at DateTime64(9, 'UTC') COMMENT 'When it began',
    thread_ids Array(String) COMMENT 'Threads of directives; empty for other types'
) COMMENT 'Steps by hour, type, name, service, MCP server, model and error' AS
SELECT project, hour, type, name, service, mcp_id, model, error_type, steps, running, paused, cancelled, errors, unchecked, under_1s, under_10s, under_60s,
    if(empty(durations), NULL, durations[1]) AS p50_ms, if(empty(durations), NULL, durations[2]) AS p95_ms,
    if(empty(durations), NULL, durations[3]) AS p99_ms,
    first_tokens, if(empty(ttfts), NULL, ttfts[1]) AS p50_ttft_ms, if(empty(ttfts), NULL, ttfts[2]) AS p95_ttft_ms,
    longest_ms, longest.1 AS longest_thread_id, longest.2 AS longest_name, longest.3 AS longest_at, threads AS thread_ids
FROM mission_control.step_counts FINAL;

CREATE OR REPLACE VIEW error_groups (
    project LowCardinality(String) COMMENT 'Project (tenant)', fingerprint String COMMENT 'Same error: type, service and message without its numbers', error_type LowCardinality(String) COMMENT 'error.type',
    message String COMMENT 'An example of its message', service LowCardinality(String) COMMENT 'service.name', first_seen_at DateTime64(9, 'UTC') COMMENT 'First time', last_seen_at DateTime64(9, 'UTC') COMMENT 'Last time',
    service_versions Array(String) COMMENT 'Versions it was seen in', count UInt64 COMMENT 'Steps that failed with it', threads UInt64 COMMENT 'Threads it was seen in, about'
) COMMENT 'Errors that are the same error' AS
SELECT project, fingerprint, any(e.error_type) AS error_type, any(e.message) AS message, any(e.service) AS service, min(e.first_seen_at) AS first_seen_at, max(e.last_seen_at) AS last_seen_at,
    arrayDistinct(arrayFlatten(groupArray(e.service_versions))) AS service_versions, sum(e.errors) AS count, uniqMerge(e.threads) AS threads
FROM (SELECT * FROM mission_control.error_hours FINAL) AS e GROUP BY project, fingerprint;
