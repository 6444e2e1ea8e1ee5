-- Whether there is such a thread, from its key columns alone.
SELECT toString(project) AS project, thread_id, toUnixTimestamp64Nano(started_at) AS started_ns FROM thread_summaries FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String} LIMIT 1
