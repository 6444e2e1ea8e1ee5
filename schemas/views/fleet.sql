-- The fleet as its telemetry shows it: MCP servers, entities and how they relate, over the hourly rollups.
CREATE OR REPLACE VIEW mcps (
    project LowCardinality(String) COMMENT 'Project (tenant)', mcp_id LowCardinality(String) COMMENT 'MCP server', name LowCardinality(String) COMMENT 'Its name', version LowCardinality(String) COMMENT 'Its version, where known',
    transport LowCardinality(String) COMMENT 'stdio, http, or empty', endpoint String COMMENT 'Address, where known', status LowCardinality(String) COMMENT 'connected: called in the last 5 minutes; else disconnected',
    last_seen_at DateTime64(9, 'UTC') COMMENT 'Last call', tools Array(String) COMMENT 'Tools that were called', calls UInt64 COMMENT 'Calls in all', errors UInt64 COMMENT 'Those that failed',
    p50_ms Nullable(Float64) COMMENT 'Median duration in the last seven days; null without calls in them', p95_ms Nullable(Float64) COMMENT '95th percentile of the same',
    id LowCardinality(String) COMMENT 'Another name of mcp_id', last_seen DateTime64(9, 'UTC') COMMENT 'Another name of last_seen_at'
) COMMENT 'MCP servers seen in telemetry' AS
SELECT a.project AS project, a.mcp_id AS mcp_id, a.mcp_id AS name, CAST('', 'LowCardinality(String)') AS version, CAST('', 'LowCardinality(String)') AS transport, '' AS endpoint,
    CAST(if(a.last_at > now64(9, 'UTC') - toIntervalMinute(5), 'connected', 'disconnected'), 'LowCardinality(String)') AS status,
    a.last_at AS last_seen_at, a.tools AS tools, a.calls AS calls, a.errors AS errors, if(empty(r.durations), NULL, toFloat64(r.durations[1])) AS p50_ms, if(empty(r.durations), NULL, toFloat64(r.durations[2])) AS p95_ms,
    a.mcp_id AS id, a.last_at AS last_seen
FROM (
    SELECT project, mcp_id, max(t.last_seen_at) AS last_at, arraySort(groupUniqArray(toString(t.tool_name))) AS tools, sum(t.calls) AS calls, sum(t.errors) AS errors
    FROM mission_control.tool_hours AS t FINAL WHERE mcp_id != '' GROUP BY project, mcp_id
) AS a
LEFT ANY JOIN (
    SELECT project, mcp_id, quantilesTDigestMerge(0.5, 0.95, 0.99)(t.duration) AS durations
    FROM mission_control.tool_hours AS t FINAL WHERE mcp_id != '' AND hour >= now() - toIntervalDay(7) GROUP BY project, mcp_id
) AS r ON a.project = r.project AND a.mcp_id = r.mcp_id;

CREATE OR REPLACE VIEW entities (
    project LowCardinality(String) COMMENT 'Project (tenant)', entity_id String COMMENT 'type:name', type LowCardinality(String) COMMENT 'agent, tool, mcp, model, prompt, resource', name String COMMENT 'Name', version String COMMENT 'Version, where known',
    scope LowCardinality(String) COMMENT 'project, user, registry, or observed', validated Nullable(UInt8) COMMENT '1 when its signature was checked; null where there is none', description String COMMENT 'Description',
    created_at DateTime64(9, 'UTC') COMMENT 'First seen', modified_at DateTime64(9, 'UTC') COMMENT 'Last seen', source LowCardinality(String) COMMENT 'telemetry', metadata Map(String, String) COMMENT 'Counts and more'
) COMMENT 'Agents, tools, MCP servers, models, prompts and resources' AS
SELECT project, concat(type, ':', name) AS entity_id, type, name, '' AS version, CAST('observed', 'LowCardinality(String)') AS scope, CAST(NULL, 'Nullable(UInt8)') AS validated, '' AS description,
    min(first_at) AS created_at, max(last_at) AS modified_at, CAST('telemetry', 'LowCardinality(String)') AS source, CAST(map('calls', toString(sum(n))), 'Map(String, String)') AS metadata
FROM (
    SELECT project, CAST(named.1, 'LowCardinality(String)') AS type, named.2 AS name, first_at, last_at, n FROM (
        SELECT project, arrayJoin([('tool', toString(tool_name)), ('mcp', toString(mcp_id)), ('agent', toString(agent_name))]) AS named, toDateTime64(min(hour), 9, 'UTC') AS first_at, max(last_seen_at) AS last_at, sum(calls) AS n
        FROM mission_control.tool_hours FINAL GROUP BY project, tool_name, mcp_id, agent_name
    ) WHERE name != ''
    UNION ALL SELECT project, 'agent', toString(agent_name), toDateTime64(hour, 9, 'UTC'), toDateTime64(hour, 9, 'UTC'), calls FROM mission_control.usage_hours FINAL WHERE agent_name != ''
    UNION ALL SELECT project, 'model', toString(model), toDateTime64(hour, 9, 'UTC'), toDateTime64(hour, 9, 'UTC'), calls FROM mission_control.usage_hours FINAL WHERE model != ''
    UNION ALL SELECT project, target_type, target, first_at, last_at, calls FROM mission_control.edge_hours FINAL WHERE source_type = '' OR target_type IN ('agent', 'mcp')
) GROUP BY project, type, name;

CREATE OR REPLACE VIEW relationships (
    project LowCardinality(String) COMMENT 'Project (tenant)', source_id String COMMENT 'entity_id, or thread:id', target_id String COMMENT 'entity_id', type LowCardinality(String) COMMENT 'uses, references, inherits, depends_on',
    origin LowCardinality(String) COMMENT 'declared or observed', first_seen_at DateTime64(9, 'UTC') COMMENT 'First seen', last_seen_at DateTime64(9, 'UTC') COMMENT 'Last seen', count UInt64 COMMENT 'Calls', metadata Map(String, String) COMMENT 'kind: calls, served by, asks, delegates, reads'
) COMMENT 'Who uses what, as telemetry shows it' AS
SELECT project, source_id, target_id, type, CAST('observed', 'LowCardinality(String)') AS origin, min(first_at) AS first_seen_at, max(last_at) AS last_seen_at, sum(n) AS count, CAST(map('kind', kind), 'Map(String, String)') AS metadata
FROM (
    SELECT project, concat('agent:', agent_name) AS source_id, concat('tool:', tool_name) AS target_id, CAST('uses', 'LowCardinality(String)') AS type, 'calls' AS kind, toDateTime64(hour, 9, 'UTC') AS first_at, last_seen_at AS last_at, calls AS n FROM mission_control.tool_hours FINAL WHERE agent_name != '' AND tool_name != ''
    UNION ALL SELECT project, concat('tool:', tool_name), concat('mcp:', mcp_id), 'depends_on', 'served by', toDateTime64(hour, 9, 'UTC'), last_seen_at, calls FROM mission_control.tool_hours FINAL WHERE mcp_id != '' AND tool_name != ''
    UNION ALL SELECT project, concat('agent:', agent_name), concat('model:', model), 'uses', 'asks', toDateTime64(hour, 9, 'UTC'), toDateTime64(hour, 9, 'UTC'), calls FROM mission_control.usage_hours FINAL WHERE agent_name != '' AND model != ''
    UNION ALL SELECT project, concat(source_type, ':', source), concat(target_type, ':', target), multiIf(kind = 'served by', 'depends_on', kind = 'delegates', 'uses', 'references'), toString(kind), first_at, last_at, calls FROM mission_control.edge_hours FINAL WHERE source_type != ''
) GROUP BY project, source_id, target_id, type, kind;
