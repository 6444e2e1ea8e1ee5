-- Permission checks that are an escalation, or are none, by the latest that was said of them. The threads of one window of time are folded whole,
-- because what went before in a thread makes an escalation too.
SELECT *, toUnixTimestamp64Nano(coalesce(decided_at, timestamp)) AS at_ns
FROM permission_events
WHERE project IN {projects:Array(String)}
    AND (project, thread_id) IN (
        SELECT project, thread_id FROM permission_rows
        WHERE project IN {projects:Array(String)} AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64}))
    AND thread_id = {thread_id:String} --? thread_id
    AND at_ns >= {low:Int64} AND at_ns <= {high:Int64}
    AND (at_ns, event_id) < ({before:Int64}, {before_id:String}) --? before
    AND escalation_detected = {escalation:UInt8}
    AND escalation_rule = {rule:String} --? rule
    AND mcp_id = {mcp_id:String} --? mcp_id
    AND user_id = {user_id:String} --? user_id
    AND positionCaseInsensitiveUTF8(resource, {resource:String}) > 0 --? resource
    AND granted = {granted:UInt8} --? granted
    AND granted IS NULL --? pending
ORDER BY at_ns DESC, event_id DESC
LIMIT {limit:UInt32}
