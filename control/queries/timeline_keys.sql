-- What happened in a thread, in order: sort keys only, of steps and of permission checks that no step stands for.
SELECT toUnixTimestamp64Nano(at) AS at_ns, id, trace_id, is_check
FROM (
    SELECT started_at AS at, step_id AS id, trace_id, 0 AS is_check
    FROM steps FINAL
    WHERE project = {project:String} AND thread_id = {thread_id:String}
    UNION ALL
    SELECT min(timestamp) AS at, event_id AS id, any(trace_id) AS trace_id, 1 AS is_check
    FROM permission_rows FINAL
    WHERE project = {project:String} AND thread_id = {thread_id:String}
        AND (trace_id, step_id) NOT IN (
            SELECT trace_id, step_id FROM steps FINAL
            WHERE project = {project:String} AND thread_id = {thread_id:String} AND type = 'check_permission')
    GROUP BY event_id
)
WHERE 1
    AND (at, id) > (fromUnixTimestamp64Nano({after:Int64}), {after_id:String}) --? after
ORDER BY at, id
LIMIT {limit:UInt32}
