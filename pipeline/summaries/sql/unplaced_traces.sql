-- Traces with log records or permission checks that name no thread themselves and have not been placed, the newest.
SELECT project, trace_id, min(received_ns) AS received
FROM (
    SELECT project, TraceId AS trace_id, toUnixTimestamp64Nano(l.received) AS received_ns FROM log_records AS l FINAL
    WHERE l.received >= now64(9) - toIntervalSecond({seconds:UInt32}) AND thread_id = '' AND TraceId != ''
    UNION ALL
    SELECT project, trace_id, toUnixTimestamp64Nano(p.received) AS received_ns FROM permission_rows AS p FINAL
    WHERE p.received >= now64(9) - toIntervalSecond({seconds:UInt32}) AND thread_id = trace_id AND trace_id != '' AND version % 2 = 0
)
GROUP BY project, trace_id
ORDER BY received DESC
LIMIT {most:UInt32}
