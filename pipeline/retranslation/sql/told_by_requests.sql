-- Calls that the log events of these requests told.
SELECT DISTINCT project, TraceId, SpanId, toUnixTimestamp(Timestamp) AS second FROM spans
WHERE origin = 'log' AND final = 1 AND type != 'cover' AND project IN {projects:Array(String)}
  AND (log_partition, log_offset) IN (SELECT arrayJoin(arrayZip({partitions:Array(UInt16)}, {offsets:Array(UInt64)})))
