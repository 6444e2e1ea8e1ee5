-- Permission checks of these traces that name no thread themselves: under the trace's own id, or placed by us (odd versions).
SELECT * FROM permission_rows FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
  AND trace_id IN {traces:Array(String)} AND (thread_id = trace_id OR version % 2 = 1)
