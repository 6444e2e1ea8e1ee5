-- Threads of a rebuild that may have no trace (any more): from signs of life, checks and old summaries.
SELECT DISTINCT project, thread_id FROM (
    SELECT project, thread_id FROM thread_summaries FINAL WHERE last_received >= fromUnixTimestamp64Nano({from:Int64}) AND last_received < fromUnixTimestamp64Nano({to:Int64})
    UNION ALL SELECT project, thread_id FROM thread_activity WHERE received >= toDateTime(intDiv({from:Int64}, 1000000000)) AND received <= toDateTime(intDiv({to:Int64}, 1000000000))
)
WHERE {only:String} = '' OR project = {only:String}
