-- What calls of these traces said, as references: of the spans that are named, or of all where none is.
SELECT
    project, TraceId AS trace_id, SpanId AS span_id, thread_key, toUnixTimestamp64Nano(Timestamp) AS started, Duration AS duration,
    mapFilter((name, reference) -> startsWith(reference, 'list:'), bodies) AS references, toUnixTimestamp64Nano(received) AS received_ns, log_partition, log_offset, retention_days
FROM spans FINAL
WHERE received >= fromUnixTimestamp64Nano({since:Int64}) AND (project, TraceId) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)})))
    AND (empty({spans:Array(String)}) OR SpanId IN {spans:Array(String)}) AND notEmpty(references)
