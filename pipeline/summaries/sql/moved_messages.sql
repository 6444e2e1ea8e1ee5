-- Messages of calls whose thread turned out to be another than their own attributes said.
SELECT * FROM message_rows FINAL
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
  AND trace_id IN {traces:Array(String)} AND step_id IN {steps:Array(String)}
