-- What `permission_events` joins, as it was told: for narrowing it. Its checks are folded from all that their threads said, so a condition on
-- time does not reach them; `thread_id IN (SELECT thread_id FROM permission_statements WHERE timestamp ...)` beside it does.
CREATE OR REPLACE VIEW permission_statements (
    project LowCardinality(String) COMMENT 'Project (tenant)',
    thread_id String COMMENT 'Thread it guards',
    event_id String COMMENT 'Check it is about, as in permission_events',
    phase LowCardinality(String) COMMENT 'ask or decision',
    timestamp DateTime64(9, 'UTC') COMMENT 'When it was asked or decided'
) COMMENT 'Questions and decisions about permissions, one row each' AS
SELECT project, thread_id, event_id, phase, timestamp
FROM mission_control.permission_rows FINAL
WHERE is_deleted = 0;
