-- Prompts, resources and sub-agents of these hours, counted anew. Client and server tell of one MCP request under one JSON-RPC id.
INSERT INTO edge_hours (project, hour, source_type, source, target_type, target, kind, calls, first_at, last_at, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(at, 'UTC')) AS hour, edge.1 AS source_type, edge.2 AS source, edge.3 AS target_type, edge.4 AS target, edge.5 AS kind,
    uniqExact(call), min(at), max(at), {version:UInt64}, 0
FROM (
    SELECT s.project AS project, s.started_at AS at, if(s.agent_name = '', t.agent_name, s.agent_name) AS agent,
        concat(s.trace_id, ' ', coalesce(nullIf(s.attributes['jsonrpc.request.id'], ''), s.step_id)) AS call, s.attributes['mcp.resource.uri'] AS uri,
        arrayFilter(e -> e.4 != '' AND (e.1 = '' OR e.2 != ''), [
            ('', '', 'prompt', toString(s.prompt_name), 'seen'), ('agent', agent, 'prompt', toString(s.prompt_name), 'reads'),
            ('thread', s.thread_id, 'prompt', toString(s.prompt_name), 'reads'), (if(s.prompt_name = '', '', 'prompt'), toString(s.prompt_name), 'mcp', if(s.prompt_name = '', '', toString(s.mcp_id)), 'served by'),
            ('', '', 'resource', uri, 'seen'), ('agent', agent, 'resource', uri, 'reads'),
            ('tool', toString(s.tool_name), 'resource', uri, 'reads'), (if(uri = '', '', 'resource'), uri, 'mcp', if(uri = '', '', toString(s.mcp_id)), 'served by')
        ]) AS edges
    FROM (
        SELECT project, thread_id, trace_id, step_id, started_at, agent_name, tool_name, mcp_id, prompt_name, attributes FROM steps FINAL
        WHERE started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC') AND (prompt_name != '' OR attributes['mcp.resource.uri'] != '')
    ) AS s
    LEFT ANY JOIN (
        SELECT project, thread_id, toString(agent_name) AS agent_name FROM thread_summaries FINAL
        WHERE agent_name != '' AND started_at < toDateTime({to:UInt32}, 'UTC') AND last_seen_at >= toDateTime({from:UInt32}, 'UTC')
    ) AS t ON s.project = t.project AND s.thread_id = t.thread_id
    UNION ALL
    SELECT c.project, c.started_at, c.agent, c.thread_id, '', [('agent', toString(p.agent_name), 'agent', c.agent, 'delegates')]
    FROM (
        SELECT project, thread_id, parent_thread_id, started_at, toString(agent_name) AS agent FROM thread_summaries FINAL
        WHERE started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC') AND parent_thread_id != '' AND agent_name != ''
    ) AS c
    INNER JOIN (
        SELECT project, thread_id, agent_name FROM thread_summaries FINAL
        WHERE agent_name != '' AND started_at < toDateTime({to:UInt32}, 'UTC') AND last_seen_at >= toDateTime({from:UInt32}, 'UTC')
    ) AS p ON c.project = p.project AND c.parent_thread_id = p.thread_id
)
ARRAY JOIN edges AS edge
GROUP BY project, hour, source_type, source, target_type, target, kind
