-- One row per statement about a permission: the question (`phase` ask) and the answer (`phase` decision) of one check are
-- two rows under one `event_id`; the view `permission_events` joins them.
CREATE TABLE permission_rows (
    project LowCardinality(String),
    thread_id String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    phase LowCardinality(String),
    timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    step_id String CODEC(ZSTD(1)),
    mcp_id LowCardinality(String),
    agent_name LowCardinality(String),
    user_id LowCardinality(String),
    subject String CODEC(ZSTD(1)),
    resource String CODEC(ZSTD(1)),
    action LowCardinality(String),
    result LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    reason_code LowCardinality(String),
    policy LowCardinality(String),
    rule LowCardinality(String),
    rules_checked String CODEC(ZSTD(1)),
    inheritance_chain String CODEC(ZSTD(1)),
    source LowCardinality(String),
    escalation_detected UInt8,
    escalation_rule LowCardinality(String),
    escalation_status LowCardinality(String),
    severity LowCardinality(String),
    sender_key_id LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    log_topic LowCardinality(String),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX offset_minmax log_offset TYPE minmax GRANULARITY 1,
    INDEX time_minmax timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project, thread_id, event_id, phase)
TTL toDateTime(received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;
