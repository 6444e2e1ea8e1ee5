-- Permission checks of these hours, counted anew.
INSERT INTO permission_hours (project, hour, resource, action, checks, granted, denied, pending, escalations, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, resource, action, count(), countIf(granted = 1), countIf(granted = 0), countIf(granted IS NULL),
    countIf(overreach), {version:UInt64}, 0
FROM permission_events
WHERE timestamp >= toDateTime({from:UInt32}, 'UTC') AND timestamp < toDateTime({to:UInt32}, 'UTC')
GROUP BY project, hour, resource, action
