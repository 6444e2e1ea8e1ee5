-- Projects that have anything; distinct values of a leading low-cardinality key column, so cheap, but for the number of days that logs lie in.
SELECT project, toUInt64(sum(n)) AS threads
FROM (
    SELECT project, count() AS n FROM thread_summaries GROUP BY project
    UNION ALL SELECT DISTINCT project, 0 AS n FROM log_records
    WHERE _partition_id >= toString(toYYYYMMDD(now() - toIntervalDay({days:UInt16}))) --? days
)
GROUP BY project ORDER BY project
