-- Threads whose summary was computed between two instants, in that order; each as it is now.
SELECT * EXCEPT (attributes, trace_ids, last_received, computed_at), toUnixTimestamp64Nano(computed_at) AS computed_ns
FROM threads
WHERE computed_at > fromUnixTimestamp64Nano({low:Int64}) AND computed_at <= fromUnixTimestamp64Nano({high:Int64})
    AND kind != 'trace'
    AND project = {project:String} --? project
    AND thread_id = {thread_id:String} --? thread_id
    AND has(mcp_ids, {mcp_id:String}) --? mcp_id
ORDER BY computed_at, thread_id
LIMIT {limit:UInt32}
