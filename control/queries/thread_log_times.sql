-- When the log records were that name a thread themselves. Those that we placed in it by their trace lie in the thread's own times.
SELECT count() AS found, toUnixTimestamp64Nano(min(first_at)) AS first_ns, toUnixTimestamp64Nano(max(last_at)) AS last_ns
FROM thread_activity
WHERE project = {project:String} AND thread_id = {thread_id:String}
