-- Log records by level in the last hour.
SELECT toString(level) AS level, count() AS records
FROM log_records
WHERE project IN {projects:Array(String)} AND Timestamp >= fromUnixTimestamp64Nano({hour_ago:Int64})
GROUP BY level
