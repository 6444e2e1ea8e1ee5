-- The next traces of a rebuild, in key order, so that it can go on where it stopped.
SELECT project, TraceId AS trace_id, toUnixTimestamp64Nano(min(s.received)) AS received, min(toUnixTimestamp(Timestamp)) AS first, max(toUnixTimestamp(Timestamp)) AS last
FROM spans AS s
WHERE (project, TraceId) > ({project:String}, {trace:String}) AND s.received >= fromUnixTimestamp64Nano({from:Int64}) AND s.received < fromUnixTimestamp64Nano({to:Int64})
  AND ({only:String} = '' OR project = {only:String}) AND ({dialect:String} = '' OR dialect = {dialect:String})
GROUP BY project, trace_id ORDER BY project, trace_id LIMIT {most:UInt32}
