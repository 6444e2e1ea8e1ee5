-- MCP servers seen in telemetry, by name.
SELECT * EXCEPT (id, last_seen) FROM mcps
WHERE project IN {projects:Array(String)}
    AND mcp_id = {mcp_id:String} --? mcp_id
    AND (mcp_id, project) > ({after:String}, {after_project:String}) --? after
ORDER BY mcp_id, project
LIMIT {limit:UInt32}
