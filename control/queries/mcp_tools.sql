-- Tools of one MCP server as its calls show them.
SELECT toString(tool_name) AS name, sum(calls) AS calls, sum(errors) AS errors, max(last_seen_at) AS last_seen_at,
    arraySort(groupUniqArray(toString(agent_name))) AS agents,
    toFloat64(quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[1]) AS p50_ms,
    toFloat64(quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[2]) AS p95_ms
FROM (SELECT tool_name, calls, errors, t.last_seen_at AS last_seen_at, agent_name, duration
      FROM tool_hours AS t FINAL WHERE project IN {projects:Array(String)} AND mcp_id = {mcp_id:String} AND tool_name != '')
GROUP BY tool_name
HAVING 1
    AND name > {after:String} --? after
ORDER BY name
LIMIT {limit:UInt32}
