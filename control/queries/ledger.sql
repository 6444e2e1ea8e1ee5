-- What came in and what became of it, by minute, newest first.
SELECT *, toUnixTimestamp64Nano(toDateTime64(minute, 9, 'UTC')) AS at_ns, concat(project, '/', source, '/', signal) AS row_id
FROM ingest_ledger
WHERE minute >= toDateTime(intDiv({low:Int64}, 1000000000), 'UTC') AND minute <= toDateTime(least(intDiv({high:Int64}, 1000000000), 4294967295), 'UTC')
    AND project IN {projects:Array(String)} --? projects
    AND signal = {signal:String} --? signal
    AND source = {source:String} --? source
    AND (at_ns, row_id) < ({before:Int64}, {before_id:String}) --? before
ORDER BY at_ns DESC, row_id DESC
LIMIT {limit:UInt32}
