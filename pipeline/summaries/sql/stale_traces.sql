-- Traces with spans that came later than the newest that their summary was computed from; at a start also those with more rows than it counted.
SELECT s.project AS project, s.trace_id AS trace_id, s.first AS received
FROM (
    SELECT project, TraceId AS trace_id, toUnixTimestamp64Nano(min(received)) AS first, max(received) AS last, count() AS rows
    FROM spans WHERE received >= (SELECT max(received) FROM spans) - toIntervalSecond({seconds:UInt32}) GROUP BY project, trace_id
) AS s
LEFT ANY JOIN (SELECT project, trace_id, last_received, spans FROM traces FINAL WHERE last_received >= (SELECT max(received) FROM spans) - toIntervalSecond({seconds:UInt32} + 60)) AS t
ON s.project = t.project AND s.trace_id = t.trace_id
WHERE s.last > t.last_received OR ({start:UInt8} = 1 AND s.rows > t.spans)
