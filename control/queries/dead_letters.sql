-- Dead letters, newest first; the payload by its size and hash only (SQL has it whole).
SELECT * EXCEPT (payload), length(payload) AS payload_bytes, toUnixTimestamp64Nano(received_at) AS at_ns,
    concat(signal, '/', toString(log_partition), '/', leftPad(toString(log_offset), 20, '0'), '/', toString(part)) AS row_id
FROM dead_letters
WHERE received_at >= fromUnixTimestamp64Nano({low:Int64}) AND received_at <= fromUnixTimestamp64Nano({high:Int64})
    AND (project IN {projects:Array(String)} OR project = '') --? projects
    AND signal = {signal:String} --? signal
    AND reason = {reason:String} --? reason
    AND (at_ns, row_id) < ({before:Int64}, {before_id:String}) --? before
ORDER BY at_ns DESC, row_id DESC
LIMIT {limit:UInt32}
