-- What of a thread's permission checks had been asked and decided at an instant.
SELECT
    count() AS permission_checks, countIf(decided_at <= fromUnixTimestamp64Nano({at:Int64}) AND granted = 0) AS permission_denials,
    countIf(decided_at IS NULL OR decided_at > fromUnixTimestamp64Nano({at:Int64})) AS permissions_pending,
    countIf(escalation_detected = 1) AS escalations
FROM permission_events
WHERE project = {project:String} AND thread_id = {thread_id:String} AND timestamp <= fromUnixTimestamp64Nano({at:Int64})
