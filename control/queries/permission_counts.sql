-- How a thread's permission checks came out.
SELECT count() AS checks, countIf(e.granted = 1) AS granted, countIf(e.granted = 0) AS denied, countIf(e.granted IS NULL) AS pending,
    countIf(e.escalation_detected = 1) AS escalations
FROM permission_events AS e
WHERE project IN {projects:Array(String)} AND thread_id = {thread_id:String}
