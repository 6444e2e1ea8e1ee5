-- The steps that are stored for these traces now, so that those which are none any more can be taken away.
SELECT project, thread_id, trace_id, step_id, toUnixTimestamp64Nano(received) AS received_ns, retention_days
FROM steps FINAL
WHERE (project, thread_id, trace_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)}, {traces:Array(String)})))
