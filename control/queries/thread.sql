-- One thread whole, found through the bloom index on thread_id.
SELECT * EXCEPT (last_received, computed_at) REPLACE (
    if(status = 'running' AND waiting_for = '' AND last_received < fromUnixTimestamp64Nano({stalled_at:Int64}), last_seen_at, NULL) AS stalled_since)
FROM threads
WHERE project = {project:String} AND thread_id = {thread_id:String}
LIMIT 1
