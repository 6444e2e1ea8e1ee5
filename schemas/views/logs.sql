-- One row per log record in our own words; `otel_logs` has the same with the exporter's columns.
CREATE OR REPLACE VIEW logs (
    project LowCardinality(String) COMMENT 'Project (tenant)',
    timestamp DateTime64(9, 'UTC') COMMENT 'When it happened; when it was observed where the sender did not say',
    level LowCardinality(String) COMMENT 'DEBUG, INFO, WARN, ERROR',
    severity_number UInt8 COMMENT 'OpenTelemetry severity number, 1 to 24',
    service LowCardinality(String) COMMENT 'service.name',
    thread_id String COMMENT 'Thread it belongs to, or empty',
    step_id String COMMENT 'Span it was written in, or empty',
    trace_id String COMMENT 'Trace it was written in, or empty',
    mcp_id LowCardinality(String) COMMENT 'MCP server it comes from, or empty',
    event_name LowCardinality(String) COMMENT 'Name of the event, where it is one',
    message String COMMENT 'Body as text',
    exception String COMMENT 'Type, message and stack trace of an exception, or empty',
    context Map(LowCardinality(String), String) COMMENT 'Attributes of the record',
    log_id String COMMENT 'Hash of all the sender said, hexadecimal: the same record resent has the same'
) COMMENT 'Log records' AS
SELECT
    project, Timestamp AS timestamp, level, SeverityNumber AS severity_number, ServiceName AS service, thread_id, SpanId AS step_id, TraceId AS trace_id,
    mcp_id, EventName AS event_name, Body AS message, exception, LogAttributes AS context, lower(hex(record_id)) AS log_id
FROM mission_control.log_records FINAL;
