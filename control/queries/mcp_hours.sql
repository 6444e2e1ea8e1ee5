-- Calls of one MCP server by hour, for its health.
SELECT toDateTime(hour, 'UTC') AS hour, sum(calls) AS calls, sum(errors) AS errors,
    toFloat64(quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[1]) AS p50_ms,
    toFloat64(quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[2]) AS p95_ms,
    toFloat64(quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[3]) AS p99_ms
FROM (SELECT * FROM tool_hours FINAL WHERE project IN {projects:Array(String)} AND hour >= now() - toIntervalHour({hours:UInt16}) AND mcp_id = {mcp_id:String})
GROUP BY hour ORDER BY hour
