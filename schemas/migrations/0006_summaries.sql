-- Layer 2: what only the whole trace or thread knows, recomputed in the background for what was touched.
-- Which traces there are, which thread each belongs to, and since when, so a late record finds its trace's first day.
CREATE TABLE traces (
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    thread_id String CODEC(ZSTD(1)),
    thread_ids Array(String) CODEC(ZSTD(1)),
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    last_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    first_received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    last_received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    spans UInt32 CODEC(T64, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project, trace_id)
TTL toDateTime(last_received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;

-- One row per (thread, trace): a thread is the fold of these, so a long thread costs no more than its newest trace.
CREATE TABLE trace_summaries (
    project LowCardinality(String),
    thread_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    summary String CODEC(ZSTD(1)),
    last_received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project, thread_id, trace_id)
TTL toDateTime(last_received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;

-- One row per step: the 3 or 4 spans of one tool call folded into one. `span_ids` are the spans behind it.
CREATE TABLE steps (
    project LowCardinality(String),
    thread_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    step_id String CODEC(ZSTD(1)),
    parent_step_id String CODEC(ZSTD(1)),
    span_ids Array(String) CODEC(ZSTD(1)),
    type LowCardinality(String),
    name LowCardinality(String),
    description String CODEC(ZSTD(1)),
    status LowCardinality(String),
    environment LowCardinality(String),
    service LowCardinality(String),
    service_version LowCardinality(String),
    host LowCardinality(String),
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ns UInt64 CODEC(T64, ZSTD(1)),
    mcp_id LowCardinality(String),
    agent_name LowCardinality(String),
    user_id LowCardinality(String),
    tool_name LowCardinality(String),
    tool_call_id String CODEC(ZSTD(1)),
    request_model LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    prompt_name LowCardinality(String),
    prompt_version LowCardinality(String),
    ttft_ms Nullable(Float64) CODEC(ZSTD(1)),
    input String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Nullable(Float64) CODEC(ZSTD(1)),
    finish_reason LowCardinality(String),
    error_type LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    memory_bytes UInt64 CODEC(T64, ZSTD(1)),
    cpu_utilization Nullable(Float64) CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX started_minmax started_at TYPE minmax GRANULARITY 1,
    INDEX offset_minmax log_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toDate(received)
ORDER BY (project, thread_id, trace_id, step_id)
TTL toDateTime(received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;

-- One row per thread, sorted by its start because lists show the newest first; a start that moves leaves a deleted row behind.
CREATE TABLE thread_summaries (
    project LowCardinality(String),
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    thread_id String CODEC(ZSTD(1)),
    parent_thread_id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    name LowCardinality(String),
    status LowCardinality(String),
    waiting_for String CODEC(ZSTD(1)),
    waiting_since Nullable(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    environment LowCardinality(String),
    service_version LowCardinality(String),
    host LowCardinality(String),
    tags Array(LowCardinality(String)) CODEC(ZSTD(1)),
    user_input String CODEC(ZSTD(1)),
    agent_name LowCardinality(String),
    user_id LowCardinality(String),
    mcp_ids Array(LowCardinality(String)) CODEC(ZSTD(1)),
    services Array(LowCardinality(String)) CODEC(ZSTD(1)),
    models Array(LowCardinality(String)) CODEC(ZSTD(1)),
    trace_ids Array(String) CODEC(ZSTD(1)),
    last_seen_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at Nullable(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    current_step String CODEC(ZSTD(1)),
    step_count UInt32 CODEC(T64, ZSTD(1)),
    llm_calls UInt32 CODEC(T64, ZSTD(1)),
    tool_calls UInt32 CODEC(T64, ZSTD(1)),
    error_count UInt32 CODEC(T64, ZSTD(1)),
    loop_count UInt32 CODEC(T64, ZSTD(1)),
    permission_checks UInt32 CODEC(T64, ZSTD(1)),
    permission_denials UInt32 CODEC(T64, ZSTD(1)),
    escalations UInt32 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Nullable(Float64) CODEC(ZSTD(1)),
    cost_estimated UInt8,
    memory_bytes UInt64 CODEC(T64, ZSTD(1)),
    cpu_utilization Nullable(Float64) CODEC(ZSTD(1)),
    error_type LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    last_received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    computed_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX thread_bloom thread_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX status_set status TYPE set(8) GRANULARITY 1,
    INDEX computed_minmax computed_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project, started_at, thread_id)
TTL toDateTime(last_received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, old_parts_lifetime = 480;
