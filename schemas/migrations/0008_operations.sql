-- What could not be stored, whole, with the reason, to be looked at and replayed.
CREATE TABLE dead_letter_rows (
    log_topic LowCardinality(String), log_partition UInt16, log_offset UInt64, part UInt32,
    received_at DateTime64(9, 'UTC'), source LowCardinality(String), project LowCardinality(String), signal LowCardinality(String), reason LowCardinality(String), error String,
    payload String CODEC(ZSTD(3)), payload_sha256 String, replayed_at Nullable(DateTime64(9, 'UTC')), version UInt64
)
ENGINE = ReplacingMergeTree(version) ORDER BY (log_topic, log_partition, log_offset, part)
SETTINGS old_parts_lifetime = 480;

-- One row per position of the log: what came in with it and what became of that.
CREATE TABLE ledger_rows (
    log_topic LowCardinality(String), log_partition UInt16, log_offset UInt64 CODEC(Delta, ZSTD(1)),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)), stored_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String), project LowCardinality(String), signal LowCardinality(String),
    records UInt32 CODEC(T64, ZSTD(1)), stored UInt32 CODEC(T64, ZSTD(1)), rejected UInt32 CODEC(T64, ZSTD(1)), bytes UInt64 CODEC(T64, ZSTD(1)), version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version) ORDER BY (log_topic, log_partition, log_offset)
TTL toDateTime(received) + toIntervalDay(400)
SETTINGS old_parts_lifetime = 480;

CREATE TABLE score_rows (
    project LowCardinality(String), thread_id String, step_id String, name LowCardinality(String), source LowCardinality(String), timestamp DateTime64(9, 'UTC'),
    value Nullable(Float64), label String, explanation String, user_id LowCardinality(String), version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, thread_id, step_id, name, source, timestamp)
SETTINGS old_parts_lifetime = 480;

CREATE TABLE alert_rows (
    project LowCardinality(String), site LowCardinality(String) DEFAULT '', alert_id String, rule LowCardinality(String), severity LowCardinality(String), status LowCardinality(String),
    started_at DateTime64(9, 'UTC'), ended_at Nullable(DateTime64(9, 'UTC')), labels Map(LowCardinality(String), String), value Float64,
    acknowledged_by String, silenced_until Nullable(DateTime64(9, 'UTC')), actor String, version UInt64
)
ENGINE = ReplacingMergeTree(version) ORDER BY (project, alert_id)
SETTINGS old_parts_lifetime = 480;

CREATE TABLE audit_rows (
    project LowCardinality(String), site LowCardinality(String) DEFAULT '', event_id String, timestamp DateTime64(9, 'UTC'), writer LowCardinality(String), type LowCardinality(String),
    severity LowCardinality(String), status LowCardinality(String), user_id LowCardinality(String), actor LowCardinality(String), role LowCardinality(String), action LowCardinality(String),
    target String, outcome LowCardinality(String), ip String, details String CODEC(ZSTD(1)), previous_hash String, hash String
)
ENGINE = ReplacingMergeTree ORDER BY (project, timestamp, event_id)
SETTINGS old_parts_lifetime = 480;
