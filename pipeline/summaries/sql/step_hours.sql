-- Steps of these hours by type, counted anew.
INSERT INTO step_hours (project, hour, type, steps, running, errors, under_1s, under_10s, under_60s, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, type, count(), countIf(status = 'running'), countIf(status = 'error'),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 1000000000), countIf(status NOT IN ('running', 'error') AND duration_ns < 10000000000),
    countIf(status NOT IN ('running', 'error') AND duration_ns < 60000000000), {version:UInt64}, 0
FROM steps FINAL
WHERE started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')
GROUP BY project, hour, type
