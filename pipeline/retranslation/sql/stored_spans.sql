-- Whole spans of these traces, newest form of each, without what log events told; requests together. Times in nanoseconds.
SELECT * REPLACE (
    toUnixTimestamp64Nano(s.Timestamp) AS Timestamp, toUnixTimestamp64Nano(s.received) AS received,
    arrayMap(at -> toUnixTimestamp64Nano(at), s.`Events.Timestamp`) AS `Events.Timestamp`)
FROM spans AS s FINAL
WHERE (s.project, s.TraceId) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)}))) AND s.origin = 'span'
ORDER BY s.project, s.log_partition, s.log_offset, s.TraceId, s.SpanId
