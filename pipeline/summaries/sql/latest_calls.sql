-- The latest tool calls of these threads, the newest first.
SELECT project, thread_id, toString(tool_name) AS tool, input AS arguments, toString(error_type) AS error FROM steps FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)}))) AND type = 'tool_call'
ORDER BY project, thread_id, started_at DESC, step_id DESC
LIMIT {most:UInt32} BY project, thread_id
