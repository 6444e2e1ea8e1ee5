-- Questions to people in these threads, and what has been decided about them: by a statement of the sender's, or by us, who derived it (no log topic).
SELECT q.* EXCEPT (timestamp), toUnixTimestamp64Nano(q.timestamp) AS timestamp, d.version AS known_version, d.is_deleted AS known_gone, d.log_topic AS known_by, toUnixTimestamp64Nano(d.timestamp) AS known_at
FROM (
    SELECT * FROM permission_rows FINAL
    WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)}))) AND phase = 'ask' AND reason_code IN {kinds:Array(String)}
) AS q
LEFT ANY JOIN (
    SELECT project, thread_id, event_id, max(r.version) AS version, argMax(is_deleted, r.version) AS is_deleted, argMax(toString(log_topic), r.version) AS log_topic, argMax(timestamp, r.version) AS timestamp
    FROM permission_rows AS r
    WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)}))) AND phase = 'decision'
    GROUP BY project, thread_id, event_id
) AS d ON q.project = d.project AND q.thread_id = d.thread_id AND q.event_id = d.event_id
