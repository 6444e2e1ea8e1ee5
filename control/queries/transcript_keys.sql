-- Messages of a thread in order, sort keys only; the same order as the view llm_messages.
SELECT toUnixTimestamp64Nano(timestamp) AS at_ns, toString(direction) AS direction, position, lower(hex(content_hash)) AS hash, occurrence, toString(role) AS role,
    step_id, trace_id, timestamp, tool_call_id, tool_name, finish_reason
FROM message_rows FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String}
    AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    AND (timestamp, toString(direction), position, lower(hex(content_hash)), occurrence, toString(role)) --? after
        > (fromUnixTimestamp64Nano({after:Int64}), {after_direction:String}, {after_position:UInt32}, {after_hash:String}, {after_occurrence:UInt16}, {after_role:String}) --? after
ORDER BY at_ns, direction, position, hash, occurrence, role
LIMIT {limit:UInt32}
