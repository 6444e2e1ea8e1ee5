-- Steps of a thread that a page of its timeline does not show and yet needs: parents, to count how deep its steps lie, and those that stand for checks.
SELECT trace_id, step_id, parent_step_id, type
FROM steps FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String}
    AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    AND (step_id IN {step_ids:Array(String)}
        OR type = 'check_permission' --? checks
    )
