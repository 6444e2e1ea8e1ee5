-- What is known of these traces: which threads they gave steps to, and when their first record came.
SELECT project, trace_id, thread_id, thread_ids, toUnixTimestamp64Nano(first_received) AS first_received
FROM traces FINAL
WHERE (project, trace_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)})))
