-- What the system did with what it was sent, and what people and rules did in it.
CREATE OR REPLACE VIEW dead_letters (
    received_at DateTime64(9, 'UTC') COMMENT 'When it arrived', source LowCardinality(String) COMMENT 'Door it came through', project LowCardinality(String) COMMENT 'Project, where known', signal LowCardinality(String) COMMENT 'Topic of the log',
    reason LowCardinality(String) COMMENT 'Why it could not be stored, as a code', error String COMMENT 'Why, in words', payload String COMMENT 'The OTLP request, whole', payload_sha256 String COMMENT 'Its hash, hexadecimal',
    replayed_at Nullable(DateTime64(9, 'UTC')) COMMENT 'When it was replayed, or null', log_partition UInt16 COMMENT 'Place in the log', log_offset UInt64 COMMENT 'Place in the log', part UInt32 COMMENT 'Which part of the request at that place'
) COMMENT 'Records that could not be stored' AS
SELECT received_at, source, project, signal, reason, error, payload, payload_sha256, replayed_at, log_partition, log_offset, part FROM mission_control.dead_letter_rows FINAL;

CREATE OR REPLACE VIEW ingest_ledger (
    minute DateTime('UTC') COMMENT 'Minute of arrival', source LowCardinality(String) COMMENT 'Door', project LowCardinality(String) COMMENT 'Project', signal LowCardinality(String) COMMENT 'Topic of the log', received UInt64 COMMENT 'Records that arrived and were acknowledged',
    stored UInt64 COMMENT 'Records that are in the tables', rejected UInt64 COMMENT 'Records that are dead letters', duplicates UInt64 COMMENT 'Requests that were delivered again by the log and skipped', bytes UInt64 COMMENT 'Bytes of the requests', lag_ms_max Float64 COMMENT 'Longest time from arrival to the tables'
) COMMENT 'What came in and what became of it, by minute' AS
SELECT toStartOfMinute(toDateTime(l.received, 'UTC')) AS minute, source, project, signal, sum(l.records) AS received, sum(l.stored) AS stored, sum(l.rejected) AS rejected, toUInt64(0) AS duplicates, sum(l.bytes) AS bytes,
    max(greatest(0, toUnixTimestamp64Nano(l.stored_at) - toUnixTimestamp64Nano(l.received)) / 1e6) AS lag_ms_max
FROM (SELECT * FROM mission_control.ledger_rows FINAL) AS l GROUP BY minute, source, project, signal;

CREATE OR REPLACE VIEW scores (
    project LowCardinality(String) COMMENT 'Project (tenant)', score_id String COMMENT 'Id its sender gave, else derived from the record', timestamp DateTime64(9, 'UTC') COMMENT 'When it was given', thread_id String COMMENT 'Thread; empty until its trace is known',
    trace_id String COMMENT 'Trace, or empty', step_id String COMMENT 'Step, or empty', name LowCardinality(String) COMMENT 'What was judged', value Nullable(Float64) COMMENT 'Number',
    label String COMMENT 'Word', explanation String COMMENT 'Why', source LowCardinality(String) COMMENT 'Who judged', user_id LowCardinality(String) COMMENT 'Person'
) COMMENT 'Scores from evaluations' AS
SELECT project, score_id, timestamp, thread_id, trace_id, step_id, name, value, label, explanation, source, user_id FROM mission_control.score_records FINAL;

CREATE OR REPLACE VIEW alerts (
    project LowCardinality(String) COMMENT 'Project (tenant)', alert_id String COMMENT 'Id', rule LowCardinality(String) COMMENT 'Rule that fired', severity LowCardinality(String) COMMENT 'info, warn, critical', status LowCardinality(String) COMMENT 'pending, firing, resolved',
    started_at DateTime64(9, 'UTC') COMMENT 'Since', ended_at Nullable(DateTime64(9, 'UTC')) COMMENT 'Until', labels Map(LowCardinality(String), String) COMMENT 'What it is about', value Float64 COMMENT 'Measured value', acknowledged_by String COMMENT 'Who saw it', silenced_until Nullable(DateTime64(9, 'UTC')) COMMENT 'Silent until'
) COMMENT 'Alerts' AS
SELECT project, alert_id, rule, severity, status, started_at, ended_at, labels, value, acknowledged_by, silenced_until FROM mission_control.alert_rows FINAL;

CREATE OR REPLACE VIEW audit_events (
    project LowCardinality(String) COMMENT 'Project (tenant)', event_id String COMMENT 'Id', timestamp DateTime64(9, 'UTC') COMMENT 'When', writer LowCardinality(String) COMMENT 'Which instance wrote it', type LowCardinality(String) COMMENT 'permission_check, tool_call, thread_created, error, command', severity LowCardinality(String) COMMENT 'info, warn, critical',
    status LowCardinality(String) COMMENT 'success, denied, error', user_id LowCardinality(String) COMMENT 'Person', actor LowCardinality(String) COMMENT 'Who did it', role LowCardinality(String) COMMENT 'In which role', action LowCardinality(String) COMMENT 'What', target String COMMENT 'To what', outcome LowCardinality(String) COMMENT 'With what result',
    ip String COMMENT 'From where', details String COMMENT 'JSON', previous_hash String COMMENT 'Hash of the event before', hash String COMMENT 'Hash of this one'
) COMMENT 'Audit: who did what' AS
SELECT project, event_id, timestamp, writer, type, severity, status, user_id, actor, role, action, target, outcome, ip, details, previous_hash, hash FROM mission_control.audit_rows FINAL;
