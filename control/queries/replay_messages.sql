-- Messages first shown in one stretch of the log, in its order, from the view for their text.
SELECT m.* EXCEPT (sequence), concat(m.role, ':', m.content_hash, ':', m.metadata['occurrence']) AS message_id, k.log_offset AS log_offset
FROM llm_messages AS m
INNER JOIN (
    SELECT project, thread_id, toString(role) AS role, lower(hex(content_hash)) AS content_hash, toString(occurrence) AS occurrence, log_offset
    FROM message_rows FINAL
    WHERE log_partition = {partition:UInt16} AND log_offset >= {low:UInt64} AND log_offset < {high:UInt64}
        AND project = {project:String} --? project
        AND thread_id = {thread_id:String} --? thread_id
    ORDER BY log_offset
    LIMIT {limit:UInt32}
) AS k ON m.project = k.project AND m.thread_id = k.thread_id AND m.role = k.role AND m.content_hash = k.content_hash AND m.metadata['occurrence'] = k.occurrence
WHERE 1
    AND m.project = {project:String} --? project
    AND m.thread_id = {thread_id:String} --? thread_id
ORDER BY log_offset, timestamp, content_hash
LIMIT {limit:UInt32}
