-- Whole log records of these requests. Times in nanoseconds.
SELECT * REPLACE (
    toUnixTimestamp64Nano(l.Timestamp) AS Timestamp, toUnixTimestamp64Nano(l.ObservedTimestamp) AS ObservedTimestamp, toUnixTimestamp64Nano(l.received) AS received)
FROM log_records AS l FINAL
WHERE l.received IN (SELECT fromUnixTimestamp64Nano(arrayJoin({received:Array(Int64)}))) AND ({only:String} = '' OR l.project = {only:String})
ORDER BY l.project, l.log_partition, l.log_offset, l.Timestamp, l.record_id
