-- The OpenTelemetry ClickHouse exporter's table, column for column, one row per log record, beside the project.
CREATE OR REPLACE VIEW otel_logs (
    Timestamp DateTime64(9, 'UTC') COMMENT 'When it began (spans) or happened (logs)',
    TraceId String COMMENT 'Trace id, hexadecimal',
    SpanId String COMMENT 'Span id, hexadecimal',
    TraceFlags UInt8 COMMENT 'W3C trace flags',
    SeverityText LowCardinality(String) COMMENT 'Severity as the sender named it',
    SeverityNumber UInt8 COMMENT 'Severity, 1 to 24; 0 when not given',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    Body String COMMENT 'Body as text, structured ones as JSON',
    ResourceSchemaUrl LowCardinality(String) COMMENT 'Schema of the resource',
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ScopeSchemaUrl LowCardinality(String) COMMENT 'Schema of the scope',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    ScopeAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the scope',
    LogAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the record',
    EventName LowCardinality(String) COMMENT 'Name of the event, where it is one',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Log records with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ResourceSchemaUrl, ResourceAttributes,
    ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName, project
FROM mission_control.log_records FINAL;
