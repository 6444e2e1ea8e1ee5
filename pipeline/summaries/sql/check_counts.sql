-- Permission checks of these hours by who asked, who decided and about what, counted anew. A check is one of the threads that say something in these hours.
INSERT INTO check_counts (project, hour, agent_name, source, resource, action, checks, granted, denied, pending, escalations, detected, waits, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, agent_name, source, resource, action, count(), countIf(granted = 1), countIf(granted = 0), countIf(granted IS NULL),
    countIf(overreach), countIf(escalation_detected), arrayFilter(q -> NOT isNaN(q), quantilesTDigestIf(0.5, 0.95)(assumeNotNull(waited_ms), waited_ms IS NOT NULL)), {version:UInt64}, 0
FROM permission_events
WHERE timestamp >= toDateTime({from:UInt32}, 'UTC') AND timestamp < toDateTime({to:UInt32}, 'UTC')
    AND (project, thread_id) IN (SELECT project, thread_id FROM permission_rows WHERE timestamp >= toDateTime({from:UInt32}, 'UTC') AND timestamp < toDateTime({to:UInt32}, 'UTC'))
GROUP BY project, hour, agent_name, source, resource, action
