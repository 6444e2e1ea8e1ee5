-- The rows that are stored for these threads now.
SELECT project, thread_id, toUnixTimestamp64Nano(started_at) AS started_at, status, parent_thread_id, retention_days
FROM thread_summaries FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
