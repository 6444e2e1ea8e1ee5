-- The next requests with log records, by time of receipt, so that a rebuild can go on where it stopped.
SELECT toUnixTimestamp64Nano(l.received) AS received FROM log_records AS l
WHERE l.received > fromUnixTimestamp64Nano({after:Int64}) AND l.received < fromUnixTimestamp64Nano({to:Int64})
  AND ({only:String} = '' OR project = {only:String}) AND ({dialect:String} = '' OR dialect = {dialect:String})
GROUP BY l.received ORDER BY l.received LIMIT {most:UInt32}
