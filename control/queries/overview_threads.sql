-- How many threads are in which state now, and what ended lately.
SELECT countIf(status = 'running' AND NOT is_stalled) AS running, countIf(status = 'running' AND waiting_for != '') AS waiting, countIf(status = 'running' AND is_stalled) AS stalled,
    countIf(status = 'paused') AS paused,
    countIf(status = 'error' AND ended_at >= fromUnixTimestamp64Nano({hour_ago:Int64})) AS errors_last_hour,
    countIf(status = 'complete' AND ended_at >= fromUnixTimestamp64Nano({hour_ago:Int64})) AS completed_last_hour,
    countIf(started_at >= fromUnixTimestamp64Nano({today:Int64})) AS threads_today
FROM (
    SELECT status, waiting_for, ended_at, started_at, waiting_for = '' AND last_received < fromUnixTimestamp64Nano({stalled_at:Int64}) AS is_stalled
    FROM thread_summaries FINAL
    WHERE project IN {projects:Array(String)} AND kind != 'trace'
)
