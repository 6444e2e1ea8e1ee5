-- Threads with signs of life or permission checks that came later than their summary was computed, and threads whose traces
-- were summarised in a round that did not get as far as the threads.
SELECT a.project AS project, a.thread_id AS thread_id, max(a.received_ns) AS received
FROM (
    SELECT project, thread_id, (toInt64(toUnixTimestamp(max(x.received))) + 1) * 1000000000 - 1 AS received_ns, toUInt64(received_ns) AS needs
    FROM thread_activity AS x WHERE x.received >= (SELECT max(received) FROM thread_activity) - toIntervalSecond({seconds:UInt32}) GROUP BY project, thread_id
    HAVING max(x.session_started_at) > toDateTime64(0, 9) OR notEmpty(maxMap(x.asked)) OR notEmpty(maxMap(x.resumed)) OR max(x.prompted) != ''
    UNION ALL
    SELECT project, thread_id, toUnixTimestamp64Nano(max(y.received)) AS received_ns, toUInt64(received_ns) AS needs
    FROM permission_rows AS y FINAL WHERE y.received >= (SELECT max(received) FROM permission_rows) - toIntervalSecond({seconds:UInt32}) GROUP BY project, thread_id
    UNION ALL
    SELECT project, thread_id, toUnixTimestamp64Nano(max(z.last_received)) AS received_ns, max(z.version) AS needs
    FROM trace_summaries AS z WHERE z.last_received >= now64(9) - toIntervalSecond({seconds:UInt32}) GROUP BY project, thread_id
    HAVING countIf(z.is_deleted = 0) > 0
) AS a
LEFT ANY JOIN (
    SELECT project, thread_id, max(s.version) AS version FROM thread_summaries AS s
    WHERE s.computed_at >= now64(9) - toIntervalSecond({seconds:UInt32} + 60) GROUP BY project, thread_id
) AS t
ON a.project = t.project AND a.thread_id = t.thread_id
WHERE a.needs > t.version OR {start:UInt8} = 1
GROUP BY project, thread_id
