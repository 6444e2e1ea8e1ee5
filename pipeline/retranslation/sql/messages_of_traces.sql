-- Messages that are credited to calls of these traces.
SELECT project, thread_id, role, content_hash, occurrence, trace_id, step_id, direction, position, tool_call_id, tool_name, finish_reason, toUnixTimestamp64Nano(m.timestamp) AS timestamp,
    toUnixTimestamp64Nano(m.received) AS received, log_partition, log_offset
FROM message_rows AS m FINAL
WHERE project IN {projects:Array(String)} AND trace_id IN {traces:Array(String)}
