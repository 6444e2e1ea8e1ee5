-- Layer 1 of logs: sorted by time, because logs are tailed and windowed; a thread's own are found inside its times.
-- `record_id` is a hash of everything the sender said, so a resent record is the same row.
CREATE TABLE log_records (
    project LowCardinality(String),
    Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    record_id FixedString(16),
    ObservedTimestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String),
    SeverityNumber UInt8,
    level LowCardinality(String),
    ServiceName LowCardinality(String),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName LowCardinality(String),
    thread_id String CODEC(ZSTD(1)),
    mcp_id LowCardinality(String),
    exception String CODEC(ZSTD(1)),
    dialect LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    INDEX offset_minmax log_offset TYPE minmax GRANULARITY 1,
    INDEX thread_bloom thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_bloom TraceId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX level_set level TYPE set(8) GRANULARITY 1,
    INDEX words Body TYPE tokenbf_v1(8192, 3, 0) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(received)
ORDER BY (project, Timestamp, record_id)
TTL toDateTime(received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;

-- Signs of life per thread that come by log record: sessions that began or ended, the last thing heard.
-- Only idempotent aggregates, so redelivery changes nothing.
CREATE TABLE thread_activity (
    project LowCardinality(String),
    thread_id String CODEC(ZSTD(1)),
    first_at SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last_at SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    session_started_at SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    session_ended_at SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    end_status SimpleAggregateFunction(max, String),
    agent_name SimpleAggregateFunction(max, String),
    parent_thread_id SimpleAggregateFunction(max, String),
    user_input SimpleAggregateFunction(max, String),
    service SimpleAggregateFunction(max, String),
    user_id SimpleAggregateFunction(max, String),
    environment SimpleAggregateFunction(max, String),
    host SimpleAggregateFunction(max, String),
    service_version SimpleAggregateFunction(max, String),
    memory_bytes SimpleAggregateFunction(max, UInt64),
    received SimpleAggregateFunction(max, DateTime('UTC')),
    retention_days SimpleAggregateFunction(max, UInt16)
)
ENGINE = AggregatingMergeTree
ORDER BY (project, thread_id)
TTL received + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;
