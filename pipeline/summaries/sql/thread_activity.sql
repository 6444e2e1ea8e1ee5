-- Signs of life of these threads that came by log record, and the oldest of what they wait for: asked for, and not gone on from since.
WITH
    maxMap(a.resumed) AS resumes,
    mapFilter((what, at) -> at > greatest(resumes[what], resumes['']), maxMap(a.asked)) AS waits,
    arraySort(pair -> (pair.2, pair.1), arrayZip(mapKeys(waits), mapValues(waits)))[1] AS oldest
SELECT
    project, thread_id, toUnixTimestamp64Nano(min(first_at)) AS first_at, toUnixTimestamp64Nano(max(last_at)) AS last_at,
    toUnixTimestamp64Nano(max(session_started_at)) AS session_started_at, toUnixTimestamp64Nano(max(session_ended_at)) AS session_ended_at,
    max(end_status) AS end_status, max(agent_name) AS agent_name, max(parent_thread_id) AS parent_thread_id,
    if(max(a.user_input) != '', max(a.user_input), substringUTF8(max(a.prompted), 20)) AS user_input,
    max(service) AS service, max(user_id) AS user_id, max(environment) AS environment, max(host) AS host, max(service_version) AS service_version,
    oldest.1 AS waiting_for, oldest.2 AS waiting_since,
    max(toUnixTimestamp(received)) AS received, max(retention_days) AS retention_days
FROM thread_activity AS a
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
GROUP BY project, thread_id
