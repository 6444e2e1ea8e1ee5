-- What was judged of one thread and its steps, newest first. Over the table: the view costs as much again to plan.
SELECT score_id, timestamp, trace_id, step_id, name, value, label, explanation, source, user_id
FROM score_records FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String}
ORDER BY timestamp DESC, score_id
LIMIT {limit:UInt32}
