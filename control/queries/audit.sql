-- Audit events, newest first.
SELECT *, toUnixTimestamp64Nano(timestamp) AS at_ns, event_id AS row_id
FROM audit_events
WHERE project IN {projects:Array(String)}
    AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64})
    AND type = {type:String} --? type
    AND severity = {severity:String} --? severity
    AND (user_id = {user:String} OR actor = {user:String}) --? user
    AND positionCaseInsensitiveUTF8(target, {resource:String}) > 0 --? resource
    AND (positionCaseInsensitiveUTF8(action, {q:String}) > 0 OR positionCaseInsensitiveUTF8(target, {q:String}) > 0 OR positionCaseInsensitiveUTF8(details, {q:String}) > 0) --? q
    AND (at_ns, row_id) < ({before:Int64}, {before_id:String}) --? before
ORDER BY at_ns DESC, row_id DESC
LIMIT {limit:UInt32}
