-- Keys of the newest log records that fit, to be skipped, as `logs_page` finds them; a record delivered twice is dropped by LIMIT BY.
SELECT toString(project) AS project, toUnixTimestamp64Nano(Timestamp) AS at_ns, lower(hex(record_id)) AS log_id
FROM log_records
WHERE project = {project:String}
    AND Timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({high:Int64})
    AND (Timestamp, record_id) < (fromUnixTimestamp64Nano({before:Int64}), toFixedString(unhex({before_id:String}), 16)) --? before
    AND level IN {levels:Array(String)} --? levels
    AND thread_id IN {thread_ids:Array(String)} --? thread_ids
    AND mcp_id IN {mcp_ids:Array(String)} --? mcp_ids
    AND ServiceName IN {services:Array(String)} --? services
    AND positionCaseInsensitiveUTF8(Body, {q:String}) > 0 --? q
ORDER BY project DESC, Timestamp DESC, record_id DESC
LIMIT 1 BY Timestamp, record_id
LIMIT {limit:UInt32}
