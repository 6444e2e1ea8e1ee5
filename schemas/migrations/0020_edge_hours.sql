-- Prompts, resources and sub-agents by hour, counted anew like the other rollups: who used which, and (`source_type` '') each by itself.
-- Hours from before this table was there are counted by `mission-control rebuild`.
CREATE TABLE edge_hours (
    project LowCardinality(String), hour DateTime('UTC'), source_type LowCardinality(String), source String, target_type LowCardinality(String), target String,
    kind LowCardinality(String), calls UInt64, first_at DateTime64(9, 'UTC'), last_at DateTime64(9, 'UTC'), version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, source_type, source, target_type, target, kind)
SETTINGS old_parts_lifetime = 480;
