-- Tool calls that nobody allowed or denied: no permission event names their step.
CREATE OR REPLACE VIEW unchecked_calls (
    project LowCardinality(String) COMMENT 'Project (tenant)',
    thread_id String COMMENT 'Thread of the call',
    step_id String COMMENT 'Step of the call',
    agent_name LowCardinality(String) COMMENT 'Agent that called',
    tool_name LowCardinality(String) COMMENT 'Tool it called',
    mcp_id LowCardinality(String) COMMENT 'MCP server of the tool',
    started_at DateTime64(9, 'UTC') COMMENT 'When'
) COMMENT 'Tool calls with no permission decision recorded' AS
SELECT s.project AS project, s.thread_id AS thread_id, s.step_id AS step_id, s.agent_name AS agent_name, s.tool_name AS tool_name, s.mcp_id AS mcp_id, s.started_at AS started_at
FROM (SELECT * FROM mission_control.steps FINAL WHERE type = 'tool_call') AS s
LEFT ANTI JOIN (SELECT project, trace_id, step_id FROM mission_control.permission_rows FINAL) AS p
ON s.project = p.project AND s.trace_id = p.trace_id AND s.step_id = p.step_id;
