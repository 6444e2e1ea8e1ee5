-- One row per permission check: the question and the later answer joined, with the time it waited. Escalation that shows in the check
-- itself is stored with it; what only other checks tell (allowed after a denial, new for its agent) is computed here, so order does not matter.
-- New for an agent is what it is asked for the first time ever, in another thread than its first: that one shows what the agent is for.
CREATE OR REPLACE VIEW permission_events (
    project LowCardinality(String) COMMENT 'Project (tenant)',
    event_id String COMMENT 'permission.check.id, else derived from the record',
    timestamp DateTime64(9, 'UTC') COMMENT 'When it was asked',
    thread_id String COMMENT 'Thread it guards',
    step_id String COMMENT 'Step it guards',
    mcp_id LowCardinality(String) COMMENT 'MCP server asked for',
    agent_name LowCardinality(String) COMMENT 'Agent that asked',
    user_id LowCardinality(String) COMMENT 'Person on whose behalf, or who decided',
    subject String COMMENT 'Who asked: type:id',
    resource String COMMENT 'What was asked for: type:id',
    action LowCardinality(String) COMMENT 'What was to be done with it',
    granted Nullable(UInt8) COMMENT '1 allowed, 0 denied, null while nobody decided',
    reason String COMMENT 'Why, in words',
    reason_code LowCardinality(String) COMMENT 'Why, as a code',
    policy LowCardinality(String) COMMENT 'Policy that decided',
    rule LowCardinality(String) COMMENT 'Rule that decided',
    rules_checked String COMMENT 'JSON array of the rules that were looked at',
    inheritance_chain String COMMENT 'JSON array from root to leaf of who held what',
    source LowCardinality(String) COMMENT 'Who decided: policy, config, hook, user, user_session, classifier, default',
    escalation_detected UInt8 COMMENT '1 when one of our rules sees an escalation in it',
    escalation_rule LowCardinality(String) COMMENT 'Which rule: asked_beyond_held, denied_above, stated, auto_accept, allowed_after_denial, new_for_agent; or empty',
    escalation_reason String COMMENT 'Why that is one, in words',
    overreach UInt8 COMMENT '1 for an escalation that its own thread tells, by any rule but new_for_agent; the counts of threads and hours are of these',
    escalation_status LowCardinality(String) COMMENT 'pending, approved, rejected, expired, or empty',
    decided_at Nullable(DateTime64(9, 'UTC')) COMMENT 'When it was decided; null while it waits',
    waited_ms Nullable(Float64) COMMENT 'From the question to the decision; null while it waits',
    severity LowCardinality(String) COMMENT 'info, low, medium, high, critical',
    received_at DateTime64(9, 'UTC') COMMENT 'When the newest statement arrived here',
    sender_key_id LowCardinality(String) COMMENT 'Key the sender used, or empty',
    evidence_trace_id String COMMENT 'Trace of the record that says so',
    evidence_span_id String COMMENT 'Span of the record that says so',
    id String COMMENT 'Another name of event_id', permission_rules_checked String COMMENT 'Another name of rules_checked'
) COMMENT 'Permission checks: claims of their senders, except the escalation columns, which are computed here' AS
SELECT
    c.project AS project, c.event_id AS event_id, c.timestamp AS timestamp, c.thread_id AS thread_id, c.step_id AS step_id, c.mcp_id AS mcp_id,
    c.agent_name AS agent_name, c.user_id AS user_id, c.subject AS subject, c.resource AS resource, c.action AS action, c.granted AS granted,
    c.reason AS reason, c.reason_code AS reason_code, c.policy AS policy, c.rule AS rule, c.rules_checked AS rules_checked,
    c.inheritance_chain AS inheritance_chain, c.source AS source,
    toUInt8(c.found != '') AS escalation_detected, CAST(c.found, 'LowCardinality(String)') AS escalation_rule,
    multiIf(
        c.found = '' OR c.stored_reason != '', c.stored_reason, c.found = 'allowed_after_denial', 'allowed after it was denied in the same thread',
        c.found = 'new_for_agent', concat('the first time that ', c.agent_name, ' is asked for ', c.asked_for), replaceAll(c.found, '_', ' ')) AS escalation_reason,
    toUInt8(c.own != '') AS overreach,
    CAST(if(c.said != '' OR c.found = '', c.said, multiIf(c.granted IS NULL, 'pending', c.granted = 1, 'approved', 'rejected')), 'LowCardinality(String)') AS escalation_status,
    c.decided_at AS decided_at, c.waited_ms AS waited_ms, c.severity AS severity, c.received_at AS received_at, c.sender_key_id AS sender_key_id,
    c.evidence_trace_id AS evidence_trace_id, c.evidence_span_id AS evidence_span_id,
    c.event_id AS id, c.rules_checked AS permission_rules_checked
FROM (
    SELECT
        e.*,
        multiIf(
            e.stored_rule != '', e.stored_rule,
            e.granted = 1 AND e.resource != ''
                AND minIf(e.decided_at, e.granted = 0) OVER (PARTITION BY e.project, e.thread_id, e.resource, e.action) < e.decided_at, 'allowed_after_denial',
            '') AS own,
        multiIf(
            own != '', own,
            (e.project, e.agent_name, e.asked_for, e.first_asked) IN (SELECT project, agent_name, asked_for, min(r.first_at) FROM mission_control.agent_resources AS r GROUP BY project, agent_name, asked_for)
                AND (e.project, e.agent_name, minIf(e.first_asked, e.asked_for != '') OVER (PARTITION BY e.project, e.thread_id, e.agent_name))
                    NOT IN (SELECT project, agent_name, min(r.first_at) FROM mission_control.agent_resources AS r GROUP BY project, agent_name), 'new_for_agent',
            '') AS found
    FROM (
        SELECT
            project, thread_id, event_id, min(p.timestamp) AS timestamp, argMax(p.step_id, phase = 'decision') AS step_id, max(p.mcp_id) AS mcp_id,
            max(p.agent_name) AS agent_name, max(p.user_id) AS user_id, max(p.subject) AS subject, max(p.resource) AS resource, max(p.action) AS action,
            max(p.asked_for) AS asked_for, minIf(p.timestamp, p.asked_for != '') AS first_asked,
            multiIf(countIf(phase = 'decision') = 0, NULL, argMax(result, (phase = 'decision', p.timestamp)) = 'allow', 1, 0) AS granted,
            argMax(p.reason, (phase = 'decision' AND p.reason != '', p.reason != '', p.timestamp)) AS reason,
            argMax(p.reason_code, (phase = 'decision', p.timestamp)) AS reason_code,
            argMax(p.policy, (p.policy != '', phase = 'decision')) AS policy, argMax(p.rule, (p.rule != '', phase = 'decision')) AS rule,
            argMax(p.rules_checked, (p.rules_checked != '', phase = 'decision')) AS rules_checked,
            argMax(p.inheritance_chain, (p.inheritance_chain != '', phase = 'decision')) AS inheritance_chain,
            argMax(p.source, (phase = 'decision', p.timestamp)) AS source,
            toString(max(p.escalation_rule)) AS stored_rule, argMax(p.escalation_reason, (p.escalation_rule, p.escalation_reason)) AS stored_reason,
            argMax(toString(p.escalation_status), (phase = 'decision' AND p.escalation_status != '', p.timestamp)) AS said,
            if(countIf(phase = 'decision') = 0, NULL, maxIf(p.timestamp, phase = 'decision')) AS decided_at,
            if(countIf(phase = 'decision') = 0, NULL, (toUnixTimestamp64Nano(maxIf(p.timestamp, phase = 'decision')) - toUnixTimestamp64Nano(min(p.timestamp))) / 1e6) AS waited_ms,
            argMax(p.severity, (phase = 'decision', p.timestamp)) AS severity, max(p.received) AS received_at, max(p.sender_key_id) AS sender_key_id,
            argMax(p.trace_id, phase = 'decision') AS evidence_trace_id, argMax(p.step_id, phase = 'decision') AS evidence_span_id
        FROM (SELECT * FROM mission_control.permission_rows FINAL) AS p
        GROUP BY project, thread_id, event_id
    ) AS e
) AS c;
