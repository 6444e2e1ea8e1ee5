-- Scores in one stretch of the log that have found their thread, in its order.
SELECT project, score_id, timestamp, thread_id, trace_id, step_id, name, value, label, explanation, source, user_id, log_offset
FROM score_records FINAL
WHERE log_topic = {topic:String} AND log_partition = {partition:UInt16} AND log_offset >= {low:UInt64} AND log_offset < {high:UInt64}
    AND project = {project:String} --? project
    AND thread_id = {thread_id:String} --? thread_id
ORDER BY log_offset, timestamp, score_id
LIMIT {limit:UInt32}
