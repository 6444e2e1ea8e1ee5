-- How a thread's permission checks came out.
SELECT count() AS checks, countIf(granted = 1) AS granted, countIf(granted = 0) AS denied, countIf(granted IS NULL) AS pending,
    countIf(escalation_detected = 1) AS escalations
FROM permission_events
WHERE project IN {projects:Array(String)} AND thread_id = {thread_id:String}
