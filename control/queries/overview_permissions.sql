-- Permission decisions and escalations in the last hour.
SELECT uniqExact(thread_id, event_id) AS permission_checks, uniqExactIf((thread_id, event_id), phase = 'decision' AND result != 'allow') AS permission_denials,
    uniqExactIf((thread_id, event_id), escalation_detected = 1) AS escalations
FROM permission_rows FINAL
WHERE project IN {projects:Array(String)} AND timestamp >= fromUnixTimestamp64Nano({hour_ago:Int64})
