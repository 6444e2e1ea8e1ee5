-- The threads of one page, all columns but attributes; their starts prune by the key, however far apart they lie.
SELECT * EXCEPT (attributes, trace_ids, last_received, computed_at) REPLACE (
    if(status = 'running' AND waiting_for = '' AND last_received < fromUnixTimestamp64Nano({stalled_at:Int64}), last_seen_at, NULL) AS stalled_since)
FROM threads
WHERE project IN {projects:Array(String)}
    AND started_at IN (SELECT fromUnixTimestamp64Nano(arrayJoin({times:Array(Int64)}), 'UTC'))
    AND thread_id IN {thread_ids:Array(String)}
ORDER BY started_at DESC, thread_id DESC
