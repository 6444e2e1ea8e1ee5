-- The newest log records that fit, all columns, read backwards along the sort key, so that the page stops the reading, and wide columns are read of
-- the page alone. Without FINAL and without sorting by version for that: a record delivered twice comes twice.
SELECT
    project, Timestamp AS timestamp, level, SeverityNumber AS severity_number, ServiceName AS service, thread_id, SpanId AS step_id, TraceId AS trace_id,
    mcp_id, EventName AS event_name, Body AS message, exception, LogAttributes AS context, lower(hex(record_id)) AS log_id,
    toUnixTimestamp64Nano(Timestamp) AS at_ns, version
FROM log_records
WHERE project = {project:String}
    AND Timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({high:Int64})
    AND (Timestamp, record_id) < (fromUnixTimestamp64Nano({before:Int64}), toFixedString(unhex({before_id:String}), 16)) --? before
    AND level IN {levels:Array(String)} --? levels
    AND log_records.thread_id IN {thread_ids:Array(String)} --? thread_ids
    AND log_records.mcp_id IN {mcp_ids:Array(String)} --? mcp_ids
    AND ServiceName IN {services:Array(String)} --? services
    AND positionCaseInsensitiveUTF8(Body, {q:String}) > 0 --? q
ORDER BY log_records.project DESC, Timestamp DESC, record_id DESC
LIMIT {limit:UInt32}
