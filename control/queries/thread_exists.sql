-- Whether there is such a thread, when it was, and on which days its records may have come in: the tables of steps and
-- messages have a partition for every day, and a thread's rows lie in few of them. A sender whose clock runs ahead says
-- nothing about that, so then any day will do. (With FINAL only `_partition_id` leaves partitions out, not `received`.)
SELECT toString(project) AS project, thread_id, permission_checks,
    if(last_seen_at > last_received + toIntervalHour(1) OR started_at < toDateTime64('1971-01-01 00:00:00', 9, 'UTC'), 0, toUnixTimestamp(started_at - toIntervalHour(2))) AS first_day,
    toUnixTimestamp(last_received + toIntervalHour(2)) AS last_day
FROM thread_summaries FINAL
WHERE project = {project:String} AND thread_id = {thread_id:String}
LIMIT 1
