-- What each agent was asked for and since when: the view `permission_events` tells by it what is new for an agent. Kept longer than the checks
-- themselves, and small: `asked_for` names tools and servers by name and everything else by kind (`pipeline/capabilities.py`).
ALTER TABLE permission_rows ADD COLUMN asked_for LowCardinality(String) AFTER action;

ALTER TABLE permission_rows ADD COLUMN escalation_reason String CODEC(ZSTD(1)) AFTER escalation_rule;

CREATE TABLE agent_resources (
    project LowCardinality(String),
    agent_name LowCardinality(String),
    asked_for LowCardinality(String),
    first_at SimpleAggregateFunction(min, DateTime64(9, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (project, agent_name, asked_for)
SETTINGS old_parts_lifetime = 480;

CREATE MATERIALIZED VIEW agent_resources_feed TO agent_resources AS
SELECT project, agent_name, asked_for, min(timestamp) AS first_at
FROM permission_rows WHERE is_deleted = 0 AND agent_name != '' AND asked_for != ''
GROUP BY project, agent_name, asked_for;

-- One row per score, by its own id. The older table `score_rows`, whose key has no room for one, is not used any more; nothing ever wrote it.
CREATE TABLE score_records (
    project LowCardinality(String),
    score_id String CODEC(ZSTD(1)),
    timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    thread_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    step_id String CODEC(ZSTD(1)),
    name LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(1)),
    label String CODEC(ZSTD(1)),
    explanation String CODEC(ZSTD(1)),
    source LowCardinality(String),
    user_id LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    log_topic LowCardinality(String),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX thread_bloom thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_bloom trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project, score_id)
TTL toDateTime(received) + toIntervalDay(retention_days)
SETTINGS index_granularity = 1024, old_parts_lifetime = 480;
