-- Log records of one stretch of the log, in its order; the minmax index on log_offset finds them.
SELECT
    project, Timestamp AS timestamp, level, SeverityNumber AS severity_number, ServiceName AS service, thread_id, SpanId AS step_id, TraceId AS trace_id,
    mcp_id, EventName AS event_name, Body AS message, exception, LogAttributes AS context, lower(hex(record_id)) AS log_id, log_offset
FROM log_records FINAL
WHERE log_partition = {partition:UInt16} AND log_offset >= {low:UInt64} AND log_offset < {high:UInt64}
    AND project = {project:String} --? project
    AND level IN {levels:Array(String)} --? levels
    AND thread_id IN {thread_ids:Array(String)} --? thread_ids
    AND mcp_id IN {mcp_ids:Array(String)} --? mcp_ids
    AND ServiceName IN {services:Array(String)} --? services
    AND positionCaseInsensitiveUTF8(Body, {q:String}) > 0 --? q
    AND Timestamp >= fromUnixTimestamp64Nano({since:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({until:Int64}) --? since until
ORDER BY log_offset, Timestamp, record_id
LIMIT {limit:UInt32}
