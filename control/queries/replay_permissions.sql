-- Permission checks about which one stretch of the log says something, in its order.
SELECT e.*, k.log_offset AS log_offset
FROM permission_events AS e
INNER JOIN (
    SELECT r.project AS project, r.thread_id AS thread_id, r.event_id AS event_id, max(r.log_offset) AS log_offset
    FROM permission_rows AS r FINAL
    WHERE r.log_topic = {topic:String} AND r.log_partition = {partition:UInt16} AND r.log_offset >= {low:UInt64} AND r.log_offset < {high:UInt64}
        AND project = {project:String} --? project
        AND thread_id = {thread_id:String} --? thread_id
        AND mcp_id = {mcp_id:String} --? mcp_id
    GROUP BY r.project, r.thread_id, r.event_id
) AS k ON e.project = k.project AND e.thread_id = k.thread_id AND e.event_id = k.event_id
WHERE (e.thread_id, e.event_id) IN (
    SELECT thread_id, event_id FROM permission_rows
    WHERE log_topic = {topic:String} AND log_partition = {partition:UInt16} AND log_offset >= {low:UInt64} AND log_offset < {high:UInt64})
ORDER BY log_offset, timestamp, event_id
LIMIT {limit:UInt32}
