-- How many tool calls of these threads somebody allowed or denied: a decision names one of their spans, or the call by its id (as in `unchecked_calls`).
SELECT project, thread_id, count() AS calls
FROM steps FINAL
WHERE type = 'tool_call'
    AND (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
    AND arrayExists(name -> (project, thread_id, name) IN (
        SELECT project, thread_id, arrayJoin([event_id, p.step_id]) AS name FROM permission_rows AS p FINAL
        WHERE phase = 'decision' AND name != '' AND (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
    ), arrayConcat(span_ids, [step_id, tool_call_id]))
GROUP BY project, thread_id
