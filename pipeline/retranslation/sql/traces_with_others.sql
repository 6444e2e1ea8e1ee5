-- Of these traces those that hold more than the rows that are about to be taken away.
SELECT DISTINCT project, TraceId FROM spans
WHERE (project, TraceId) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)})))
  AND (project, TraceId, SpanId) NOT IN (SELECT arrayJoin(arrayZip({gone_projects:Array(String)}, {gone_traces:Array(String)}, {gone_spans:Array(String)})))
