-- Scores, newest first.
SELECT *, toUnixTimestamp64Nano(timestamp) AS at_ns, score_id AS row_id
FROM scores
WHERE project IN {projects:Array(String)}
    AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64})
    AND thread_id = {thread_id:String} --? thread_id
    AND name = {name:String} --? name
    AND (at_ns, row_id) < ({before:Int64}, {before_id:String}) --? before
ORDER BY at_ns DESC, row_id DESC
LIMIT {limit:UInt32}
