-- The steps of a thread that had begun and not ended at an instant, outermost first.
SELECT step_id, trace_id, parent_step_id, type, name, started_at, agent_name, tool_name, mcp_id, model
FROM steps FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String} AND started_at <= fromUnixTimestamp64Nano({at:Int64})
    AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    AND (status = 'running' OR fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(started_at)) + duration_ns, 9223372036854775807)), 'UTC') > fromUnixTimestamp64Nano({at:Int64}))
ORDER BY started_at, step_id
LIMIT 100
