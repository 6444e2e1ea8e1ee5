-- All that was said about permissions in some threads: in one, or in those that say something in a window of time that fits, the newest.
-- What a check came to is folded from it in `control/permission_fold.py`: the view `permission_events` costs three times as much to plan.
SELECT
    toString(project) AS project, thread_id, event_id, toString(phase) AS phase, timestamp, toUnixTimestamp64Nano(timestamp) AS at_ns, trace_id, step_id,
    mcp_id, agent_name, user_id, subject, resource, action, asked_for, result, reason, reason_code, policy, rule, rules_checked, inheritance_chain,
    source, escalation_rule, escalation_reason, escalation_status, severity, sender_key_id, received,
    1
        AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64}) --? low
        AND (timestamp, event_id) < (fromUnixTimestamp64Nano({before:Int64}), {before_id:String}) --? before
        AND mcp_id = {mcp_id:String} --? mcp_id
        AND user_id = {user_id:String} --? user_id
        AND positionCaseInsensitiveUTF8(resource, {resource:String}) > 0 --? resource
        AND phase = 'decision' AND (result = 'allow') = {granted:UInt8} --? granted
        AND phase = 'ask' --? pending
    AS matched
FROM permission_rows FINAL
WHERE project IN {projects:Array(String)}
    AND thread_id = {thread_id:String} --? thread_id
    AND (project, thread_id) IN ( --? limit
        SELECT project, thread_id FROM permission_rows --? limit
        WHERE project IN {projects:Array(String)} --? limit
            AND timestamp >= fromUnixTimestamp64Nano({low:Int64}) AND timestamp <= fromUnixTimestamp64Nano({high:Int64}) --? limit low
            AND (timestamp, event_id) < (fromUnixTimestamp64Nano({before:Int64}), {before_id:String}) --? limit before
            AND mcp_id = {mcp_id:String} --? limit mcp_id
            AND user_id = {user_id:String} --? limit user_id
            AND positionCaseInsensitiveUTF8(resource, {resource:String}) > 0 --? limit resource
            AND phase = 'decision' AND (result = 'allow') = {granted:UInt8} --? limit granted
            AND phase = 'ask' --? limit pending
        ORDER BY toUnixTimestamp64Nano(timestamp) DESC, event_id DESC --? limit
        LIMIT 1 BY project, thread_id, event_id --? limit
        LIMIT {limit:UInt32}) --? limit
ORDER BY project, thread_id, event_id, phase
