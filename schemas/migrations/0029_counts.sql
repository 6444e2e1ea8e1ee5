-- Steps of an hour by what they were, and permission checks by who asked and who decided: what panels over long ranges read instead of single rows.
-- They take the place of `step_hours` and `permission_hours`, whose keys are shorter and which nothing writes any more.
-- `name` is that of a directive, script or tool; other names are too many. `error_type` is of failed steps, `model` of LLM calls, `threads` of directives.
-- `unchecked` are tool calls that nobody allowed or denied. `longest` is (thread, name, start) of the step that took `longest_ms`.
-- `durations` are quantiles (0.5, 0.95, 0.99) of steps that ended, `ttfts` (0.5, 0.95) of times to the first token; empty where there are none: plain numbers,
-- because states that merge cost a panel over a quarter a hundred times as much.
CREATE TABLE IF NOT EXISTS step_counts (
    project LowCardinality(String), hour DateTime('UTC'), type LowCardinality(String), name LowCardinality(String), service LowCardinality(String),
    mcp_id LowCardinality(String), model LowCardinality(String), error_type LowCardinality(String),
    steps UInt64, running UInt64, paused UInt64, cancelled UInt64, errors UInt64, unchecked UInt64, under_1s UInt64, under_10s UInt64, under_60s UInt64,
    durations Array(Float64), first_tokens UInt64, ttfts Array(Float64),
    longest_ms Float64, longest Tuple(String, String, DateTime64(9, 'UTC')), threads Array(String), version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, type, name, service, mcp_id, model, error_type)
SETTINGS old_parts_lifetime = 480;

-- `detected` are all that one of our rules sees an escalation in, `escalations` those of them that their own thread tells. `waits` are
-- quantiles (0.5, 0.95) of the time to a decision.
CREATE TABLE IF NOT EXISTS check_counts (
    project LowCardinality(String), hour DateTime('UTC'), agent_name LowCardinality(String), source LowCardinality(String), resource String, action LowCardinality(String),
    checks UInt64, granted UInt64, denied UInt64, pending UInt64, escalations UInt64, detected UInt64,
    waits Array(Float64), version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, agent_name, source, resource, action)
SETTINGS old_parts_lifetime = 480;

-- A start that is killed here begins again: the same rows replace each other.
-- Hours from before these tables were there: of steps that are kept, counted; of others, what was counted then. Checks take their new columns from a rebuild.
INSERT INTO step_counts (project, hour, type, name, service, mcp_id, model, error_type, steps, running, paused, cancelled, errors, unchecked, under_1s, under_10s, under_60s,
    durations, first_tokens, ttfts, longest_ms, longest, threads, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, type, multiIf(type IN ('directive', 'script'), s.name, type = 'tool_call', s.tool_name, '') AS called, service, mcp_id,
    if(type = 'llm_call', s.model, '') AS asked, if(status = 'error', s.error_type, '') AS failed,
    count(), countIf(status = 'running'), countIf(status = 'paused'), countIf(status = 'cancelled'), countIf(status = 'error'),
    countIf(type = 'tool_call' AND NOT arrayExists(id -> (project, thread_id, id) IN (
        SELECT project, thread_id, arrayJoin([event_id, p.step_id]) AS id FROM permission_rows AS p FINAL WHERE phase = 'decision' AND id != ''
    ), arrayConcat(span_ids, [step_id, tool_call_id]))),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 1000000000), countIf(status NOT IN ('running', 'error') AND duration_ns < 10000000000),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 60000000000),
    arrayFilter(q -> NOT isNaN(q), quantilesTDigestIf(0.5, 0.95, 0.99)(toFloat64(duration_ns / 1e6), status != 'running')), countIf(type = 'llm_call' AND ttft_ms IS NOT NULL),
    arrayFilter(q -> NOT isNaN(q), quantilesTDigestIf(0.5, 0.95)(assumeNotNull(ttft_ms), type = 'llm_call' AND ttft_ms IS NOT NULL)),
    maxIf(duration_ns, status != 'running') / 1e6, argMaxIf((s.thread_id, toString(s.name), s.started_at), duration_ns, status != 'running'),
    groupUniqArrayIf(thread_id, type = 'directive'), 1, 0
FROM steps AS s FINAL GROUP BY project, hour, type, called, service, mcp_id, asked, failed;

INSERT INTO step_counts (project, hour, type, steps, running, errors, under_1s, under_10s, under_60s, version, is_deleted)
SELECT project, hour, type, steps, running, errors, under_1s, under_10s, under_60s, 1, 0 FROM step_hours FINAL
WHERE (project, hour) GLOBAL NOT IN (SELECT DISTINCT project, toStartOfHour(toDateTime(started_at, 'UTC')) FROM steps);

INSERT INTO check_counts (project, hour, resource, action, checks, granted, denied, pending, escalations, detected, version, is_deleted)
SELECT project, hour, resource, action, checks, granted, denied, pending, escalations, escalations, 1, 0 FROM permission_hours FINAL;
