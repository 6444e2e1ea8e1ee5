-- Hours in which questions were asked that decisions of these hours, received since then, have answered: they count them as open until they are counted anew.
SELECT DISTINCT toUnixTimestamp(toStartOfHour(toDateTime(q.timestamp, 'UTC'))) AS hour
FROM permission_rows AS q
WHERE phase = 'ask' AND is_deleted = 0 AND (project, thread_id, event_id) IN (
    SELECT project, thread_id, event_id FROM permission_rows
    WHERE phase = 'decision' AND received >= fromUnixTimestamp64Nano({since:Int64}) AND timestamp >= toDateTime({from:UInt32}, 'UTC') AND timestamp < toDateTime({to:UInt32}, 'UTC')
)
ORDER BY hour
