-- How many threads are in which state now, and what ended lately. Only threads of which some version says so are folded.
SELECT countIf(status = 'running' AND NOT is_stalled) AS running, countIf(status = 'running' AND waiting_for != '') AS waiting, countIf(status = 'running' AND is_stalled) AS stalled,
    countIf(status = 'paused') AS paused,
    countIf(status = 'error' AND ended_at >= fromUnixTimestamp64Nano({hour_ago:Int64})) AS errors_last_hour,
    countIf(status = 'complete' AND ended_at >= fromUnixTimestamp64Nano({hour_ago:Int64})) AS completed_last_hour,
    countIf(started_at >= fromUnixTimestamp64Nano({today:Int64})) AS threads_today
FROM (
    SELECT status, waiting_for, ended_at, started_at, waiting_for = '' AND last_received < fromUnixTimestamp64Nano({stalled_at:Int64}) AS is_stalled
    FROM thread_summaries FINAL
    WHERE project IN {projects:Array(String)} AND kind != 'trace' AND started_at IN (
        SELECT started_at FROM thread_summaries
        WHERE project IN {projects:Array(String)} AND (status IN ('running', 'paused')
            OR ended_at >= fromUnixTimestamp64Nano({hour_ago:Int64}) OR started_at >= fromUnixTimestamp64Nano({today:Int64})))
)
