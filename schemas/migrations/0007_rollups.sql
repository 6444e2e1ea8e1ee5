-- Hourly rollups for long ranges: each (key, hour) is recomputed whole from deduplicated steps, never incremented.
CREATE TABLE usage_hours (
    project LowCardinality(String), hour DateTime('UTC'), agent_name LowCardinality(String), user_id LowCardinality(String),
    provider LowCardinality(String), model LowCardinality(String),
    calls UInt64, errors UInt64, input_tokens UInt64, output_tokens UInt64, cache_read_tokens UInt64, cache_write_tokens UInt64,
    cost_usd Float64, duration AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64), version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, agent_name, user_id, provider, model)
SETTINGS old_parts_lifetime = 480;

CREATE TABLE tool_hours (
    project LowCardinality(String), hour DateTime('UTC'), mcp_id LowCardinality(String), tool_name LowCardinality(String), agent_name LowCardinality(String),
    calls UInt64, errors UInt64, duration AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64), last_seen_at DateTime64(9, 'UTC'),
    version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, mcp_id, tool_name, agent_name)
SETTINGS old_parts_lifetime = 480;

CREATE TABLE permission_hours (
    project LowCardinality(String), hour DateTime('UTC'), resource String, action LowCardinality(String),
    checks UInt64, granted UInt64, denied UInt64, pending UInt64, escalations UInt64, version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, resource, action)
SETTINGS old_parts_lifetime = 480;

CREATE TABLE error_hours (
    project LowCardinality(String), hour DateTime('UTC'), fingerprint String, error_type LowCardinality(String), message String, service LowCardinality(String),
    first_seen_at DateTime64(9, 'UTC'), last_seen_at DateTime64(9, 'UTC'), service_versions Array(String), errors UInt64, threads AggregateFunction(uniq, String),
    version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, fingerprint)
SETTINGS old_parts_lifetime = 480;
