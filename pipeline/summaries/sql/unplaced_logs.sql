-- Log records of these traces that name no thread themselves: not placed as yet, or placed by us (odd versions).
SELECT * FROM log_records FINAL
WHERE project IN {projects:Array(String)} AND (thread_id = '' OR version % 2 = 1) AND TraceId IN {traces:Array(String)}
  AND received >= fromUnixTimestamp64Nano({since:Int64})
