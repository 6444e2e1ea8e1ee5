-- Parents of some steps, to count how deep a page's steps lie. Without FINAL: a step's parent does not change.
SELECT DISTINCT step_id, parent_step_id
FROM steps
WHERE project = {project:String} AND thread_id = {thread_id:String} AND step_id IN {step_ids:Array(String)}
    AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
