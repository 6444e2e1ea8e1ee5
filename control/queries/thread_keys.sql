-- Keys of the newest threads in one window of time. Wide columns are read afterwards, for the page alone:
-- with FINAL every column named here is read for the whole window.
SELECT toString(project) AS project, thread_id, version, toUnixTimestamp64Nano(started_at) AS started_ns
FROM thread_summaries FINAL
WHERE thread_summaries.project IN {projects:Array(String)}
    AND started_at >= fromUnixTimestamp64Nano({low:Int64}) AND started_at <= fromUnixTimestamp64Nano({high:Int64})
    AND (started_at, thread_id) < (fromUnixTimestamp64Nano({before:Int64}), {before_id:String}) --? before
    AND kind IN {kinds:Array(String)} --? kinds
    AND status = {status:String} --? status
    AND status = 'running' AND waiting_for = '' AND last_received < fromUnixTimestamp64Nano({stalled_before:Int64}) --? stalled_before
    AND has(mcp_ids, {mcp_id:String}) --? mcp_id
    AND parent_thread_id = {parent:String} --? parent
    AND (positionCaseInsensitiveUTF8(user_input, {q:String}) > 0 OR positionCaseInsensitiveUTF8(thread_id, {q:String}) > 0 --? q
         OR positionCaseInsensitiveUTF8(name, {q:String}) > 0 OR positionCaseInsensitiveUTF8(agent_name, {q:String}) > 0) --? q
ORDER BY started_at DESC, thread_id DESC
LIMIT {limit:UInt32}
