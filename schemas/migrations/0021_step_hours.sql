-- Steps of an hour by type, counted anew like the other rollups: what alert rules and objectives compare the present with.
-- `under_*` are steps that ended, did not fail and took less than so many seconds: sums of them can be added up, quantiles could not.
CREATE TABLE step_hours (
    project LowCardinality(String), hour DateTime('UTC'), type LowCardinality(String), steps UInt64, running UInt64, errors UInt64,
    under_1s UInt64, under_10s UInt64, under_60s UInt64, version UInt64, is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (project, hour, type)
SETTINGS old_parts_lifetime = 480;

-- Hours from before this table was there.
INSERT INTO step_hours (project, hour, type, steps, running, errors, under_1s, under_10s, under_60s, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, type, count(), countIf(status = 'running'), countIf(status = 'error'),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 1000000000), countIf(status NOT IN ('running', 'error') AND duration_ns < 10000000000),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 60000000000), 1, 0
FROM steps FINAL GROUP BY project, hour, type;
