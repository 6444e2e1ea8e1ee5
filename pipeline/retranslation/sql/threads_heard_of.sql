-- Of these threads those that log records still name, beside the ones that are about to name another.
SELECT DISTINCT project, thread_id FROM log_records FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
  AND lower(hex(record_id)) NOT IN {moved:Array(String)}
