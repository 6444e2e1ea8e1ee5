-- Messages of LLM calls: identity is (thread, role, content, n-th occurrence within one call's list), so a history that is
-- resent with every call adds nothing. The earliest sight wins: version counts down with time.
CREATE TABLE message_rows (
    project LowCardinality(String),
    thread_id String CODEC(ZSTD(1)),
    role LowCardinality(String),
    content_hash FixedString(16),
    occurrence UInt16,
    trace_id String CODEC(ZSTD(1)),
    step_id String CODEC(ZSTD(1)),
    direction LowCardinality(String),
    position UInt32 CODEC(T64, ZSTD(1)),
    timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tool_call_id String CODEC(ZSTD(1)),
    tool_name LowCardinality(String),
    finish_reason LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX offset_minmax log_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toDate(received)
ORDER BY (project, thread_id, role, content_hash, occurrence)
TTL toDateTime(received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;

-- What is too heavy to stand in a span, stored once by content: message parts, tool definitions, long attribute values.
-- `kind` item: the text itself. `kind` list: 16 bytes hash of the list so far, 16 bytes hash of the item added to it.
CREATE TABLE message_bodies (
    project LowCardinality(String),
    hash FixedString(16),
    kind LowCardinality(String),
    body String CODEC(ZSTD(3)),
    received DateTime('UTC') CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(received)
ORDER BY (project, hash)
TTL received + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, old_parts_lifetime = 480;
