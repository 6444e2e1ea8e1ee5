-- Permission checks of these threads, and the oldest question that nobody has answered.
SELECT
    project, thread_id, count() AS checks, countIf(granted = 0) AS denials, countIf(overreach) AS escalations, countIf(reason_code IN {questions:Array(String)}) AS questions,
    argMinIf(concat(action, if(action = '', '', ' '), resource), timestamp, granted IS NULL) AS waiting_for,
    minIf(toUnixTimestamp64Nano(timestamp), granted IS NULL) AS waiting_since, max(toUnixTimestamp64Nano(received_at)) AS received
FROM permission_events
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
GROUP BY project, thread_id
