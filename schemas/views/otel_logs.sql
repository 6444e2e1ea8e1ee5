-- The OpenTelemetry ClickHouse exporter's table, column for column, one row per log record.
CREATE OR REPLACE VIEW otel_logs AS
SELECT
    Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ResourceSchemaUrl, ResourceAttributes,
    ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName, project
FROM mission_control.log_records FINAL;
