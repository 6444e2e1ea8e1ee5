-- When threads went on after these questions: an interrupt with whatever began after all that it stopped, any other question with the call that was asked
-- about. Steps that an interrupt passed through stop with it.
SELECT a.project AS project, a.thread_id AS thread_id, a.event_id AS event_id, min(s.began) AS at
FROM (
    SELECT q.project AS project, q.thread_id AS thread_id, q.event_id AS event_id, q.kind AS kind, q.resource AS resource, greatest(any(q.asked), maxIf(p.ended, p.began <= q.asked)) AS stopped
    FROM (
        SELECT project, thread_id, event_id, trace_id, toString(reason_code) AS kind, toString(resource) AS resource, toUnixTimestamp64Nano(timestamp) AS asked FROM permission_rows FINAL
        WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)}))) AND phase = 'ask' AND reason_code IN {kinds:Array(String)}
    ) AS q
    LEFT JOIN (
        SELECT project, thread_id, trace_id, toUnixTimestamp64Nano(started_at) AS began, began + toInt64(least(duration_ns, 1000000000000000)) AS ended FROM steps FINAL
        WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)}))) AND status = 'paused'
    ) AS p ON q.project = p.project AND q.thread_id = p.thread_id AND q.trace_id = p.trace_id
    GROUP BY q.project, q.thread_id, q.event_id, q.kind, q.resource, q.asked
) AS a
INNER JOIN (
    SELECT project, thread_id, toUnixTimestamp64Nano(started_at) AS began, type = 'tool_call' AND status != 'paused' AS is_call, tool_call_id, concat('tool:', toString(tool_name)) AS tool FROM steps FINAL
    WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
) AS s ON a.project = s.project AND a.thread_id = s.thread_id
WHERE s.began > a.stopped AND (a.kind = {interrupt:String} OR (s.is_call AND (s.tool_call_id = a.event_id OR (a.kind = {input:String} AND s.tool = a.resource))))
GROUP BY a.project, a.thread_id, a.event_id
