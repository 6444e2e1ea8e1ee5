-- Threads with signs of life or permission checks that came later than their summary was computed.
SELECT a.project AS project, a.thread_id AS thread_id, a.received AS received
FROM (
    SELECT project, thread_id, toInt64(toUnixTimestamp(max(x.received))) * 1000000000 AS received
    FROM thread_activity AS x WHERE x.received >= now() - toIntervalSecond({seconds:UInt32}) GROUP BY project, thread_id
    HAVING max(x.session_started_at) > toDateTime64(0, 9)
    UNION ALL
    SELECT project, thread_id, toUnixTimestamp64Nano(max(y.received)) AS received
    FROM permission_rows AS y FINAL WHERE y.received >= now64(9) - toIntervalSecond({seconds:UInt32}) GROUP BY project, thread_id
) AS a
LEFT ANY JOIN (
    SELECT project, thread_id, toUnixTimestamp64Nano(computed_at) AS computed FROM thread_summaries FINAL
    WHERE computed_at >= now64(9) - toIntervalSecond({seconds:UInt32} + 60)
) AS t
ON a.project = t.project AND a.thread_id = t.thread_id
WHERE a.received > t.computed
