-- Permission checks that stood under the trace's own id while its thread was not known.
SELECT * FROM permission_rows FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)})))
