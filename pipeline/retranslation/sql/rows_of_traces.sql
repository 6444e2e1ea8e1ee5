-- Whatever is stored under these traces, as `stored_spans` has it: what a new row would replace.
SELECT * REPLACE (
    toUnixTimestamp64Nano(s.Timestamp) AS Timestamp, toUnixTimestamp64Nano(s.received) AS received,
    arrayMap(at -> toUnixTimestamp64Nano(at), s.`Events.Timestamp`) AS `Events.Timestamp`)
FROM spans AS s FINAL
WHERE (s.project, s.TraceId) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {traces:Array(String)})))
