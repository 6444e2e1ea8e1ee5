-- Permission checks asked in one window of time. The inner query finds them by either statement, the outer one looks at
-- both, because a question and its answer may lie in two windows.
SELECT toString(project) AS project, thread_id, event_id, toUnixTimestamp64Nano(min(timestamp)) AS at_ns
FROM permission_rows FINAL
WHERE project IN {projects:Array(String)}
    AND thread_id = {thread_id:String} --? thread_id
    AND mcp_id = {mcp_id:String} --? mcp_id
    AND user_id = {user_id:String} --? user_id
    AND positionCaseInsensitiveUTF8(resource, {resource:String}) > 0 --? resource
    AND (project, thread_id, event_id) IN (
        SELECT project, thread_id, event_id FROM permission_rows
        WHERE project IN {projects:Array(String)}
            AND thread_id = {thread_id:String} --? thread_id
            AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64}))
GROUP BY project, thread_id, event_id
HAVING at_ns >= {low:Int64} AND at_ns <= {high:Int64}
    AND (at_ns, event_id) < ({before:Int64}, {before_id:String}) --? before
    AND countIf(phase = 'decision') > 0 AND (argMax(result, (phase = 'decision', timestamp)) = 'allow') = {granted:UInt8} --? granted
    AND countIf(phase = 'decision') = 0 --? pending
    AND max(escalation_detected) = {escalation:UInt8} --? escalation
ORDER BY at_ns DESC, event_id DESC
LIMIT {limit:UInt32}
