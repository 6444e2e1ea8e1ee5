-- What was said about permissions in one window of time, newest first. Without FINAL and grouping: a decision says by
-- itself what it decided; that a question was answered later is seen when the page is read.
SELECT toString(project) AS project, thread_id, event_id, toUnixTimestamp64Nano(timestamp) AS at_ns
FROM permission_rows
WHERE project IN {projects:Array(String)}
    AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64})
    AND (timestamp, event_id) < (fromUnixTimestamp64Nano({before:Int64}), {before_id:String}) --? before
    AND thread_id = {thread_id:String} --? thread_id
    AND mcp_id = {mcp_id:String} --? mcp_id
    AND user_id = {user_id:String} --? user_id
    AND positionCaseInsensitiveUTF8(resource, {resource:String}) > 0 --? resource
    AND phase = 'decision' AND (result = 'allow') = {granted:UInt8} --? granted
    AND phase = 'ask' --? pending
ORDER BY at_ns DESC, event_id DESC
LIMIT 1 BY project, thread_id, event_id
LIMIT {limit:UInt32}
