-- The parts that the traces of these threads contribute.
SELECT project, thread_id, trace_id, summary, toUnixTimestamp64Nano(last_received) AS received, retention_days
FROM trace_summaries FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
