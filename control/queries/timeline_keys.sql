-- What happened in a thread, in order: sort keys only, of steps and of permission checks that no step stands for.
SELECT toUnixTimestamp64Nano(at) AS at_ns, id, trace_id, is_check
FROM (
    SELECT started_at AS at, step_id AS id, trace_id, 0 AS is_check
    FROM steps FINAL
    WHERE project = {project:String} AND thread_id = {thread_id:String}
        AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    UNION ALL --? checks
    SELECT min(c.timestamp) AS at, c.event_id AS id, any(c.trace_id) AS trace_id, 1 AS is_check --? checks
    FROM permission_rows AS c FINAL --? checks
    WHERE project = {project:String} AND thread_id = {thread_id:String} --? checks
        AND (c.trace_id, c.step_id) NOT IN ( --? checks
            SELECT trace_id, step_id FROM steps FINAL --? checks
            WHERE project = {project:String} AND thread_id = {thread_id:String} AND type = 'check_permission' --? checks
                AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))) --? checks
    GROUP BY c.event_id --? checks
)
WHERE 1
    AND (at, id) > (fromUnixTimestamp64Nano({after:Int64}), {after_id:String}) --? after
ORDER BY at, id
LIMIT {limit:UInt32}
