-- Messages that came with these requests.
SELECT project, thread_id, role, content_hash, occurrence, trace_id, step_id, direction, position, tool_call_id, tool_name, finish_reason, toUnixTimestamp64Nano(m.timestamp) AS timestamp
FROM message_rows AS m FINAL
WHERE project IN {projects:Array(String)} AND m.received IN (SELECT fromUnixTimestamp64Nano(arrayJoin({received:Array(Int64)})))
  AND (log_partition, log_offset) IN (SELECT arrayJoin(arrayZip({partitions:Array(UInt16)}, {offsets:Array(UInt64)})))
