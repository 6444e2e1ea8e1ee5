-- The log records of one page, all columns; their times prune by the key, however far apart they lie.
SELECT *
FROM logs
WHERE project IN {projects:Array(String)}
    AND timestamp IN (SELECT fromUnixTimestamp64Nano(arrayJoin({times:Array(Int64)}), 'UTC'))
    AND log_id IN {log_ids:Array(String)}
ORDER BY timestamp DESC, log_id DESC
