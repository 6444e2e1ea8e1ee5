-- Alerts, the newest first.
SELECT *, toUnixTimestamp64Nano(started_at) AS at_ns, alert_id AS row_id
FROM alerts
WHERE project IN {projects:Array(String)}
    AND started_at >= fromUnixTimestamp64Nano({low:Int64}) AND started_at <= fromUnixTimestamp64Nano({high:Int64})
    AND status = {status:String} --? status
    AND severity = {severity:String} --? severity
    AND (at_ns, row_id) < ({before:Int64}, {before_id:String}) --? before
ORDER BY at_ns DESC, row_id DESC
LIMIT {limit:UInt32}
