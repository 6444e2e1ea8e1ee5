-- Log records that name a trace and no thread, of traces whose thread is known now.
SELECT * FROM log_records FINAL
WHERE project IN {projects:Array(String)} AND thread_id = '' AND TraceId IN {traces:Array(String)} AND received >= fromUnixTimestamp64Nano({since:Int64})
