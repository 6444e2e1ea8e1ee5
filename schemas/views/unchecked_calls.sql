-- Tool calls that nobody allowed or denied: no decision of their thread names one of their spans, or their call by its id. `threads.unchecked_calls`
-- counts them by the same rule (`pipeline/summaries/sql/checked_calls.sql`).
CREATE OR REPLACE VIEW unchecked_calls (
    project LowCardinality(String) COMMENT 'Project (tenant)',
    thread_id String COMMENT 'Thread of the call',
    step_id String COMMENT 'Step of the call',
    agent_name LowCardinality(String) COMMENT 'Agent that called',
    tool_name LowCardinality(String) COMMENT 'Tool it called',
    mcp_id LowCardinality(String) COMMENT 'MCP server of the tool',
    started_at DateTime64(9, 'UTC') COMMENT 'When',
    received_on LowCardinality(String) COMMENT 'Day (UTC) on which its newest record arrived, YYYYMMDD: a lower bound leaves earlier days unread'
) COMMENT 'Tool calls with no permission decision recorded' AS
SELECT project, thread_id, step_id, agent_name, tool_name, mcp_id, started_at, _partition_id AS received_on
FROM mission_control.steps FINAL
WHERE type = 'tool_call'
    AND NOT arrayExists(name -> (project, thread_id, name) IN (
        SELECT project, thread_id, arrayJoin([event_id, p.step_id]) AS name FROM mission_control.permission_rows AS p FINAL WHERE phase = 'decision' AND name != ''
    ), arrayConcat(span_ids, [step_id, tool_call_id]));
