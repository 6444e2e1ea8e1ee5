-- The OpenTelemetry ClickHouse exporter's table, column for column, one row per span. What was too heavy to stand in a span
-- shows in SpanAttributes as a reference `body:<hash>`.
CREATE OR REPLACE VIEW otel_traces AS
SELECT
    Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName, ScopeVersion,
    mapUpdate(SpanAttributes, bodies) AS SpanAttributes, Duration, StatusCode, StatusMessage,
    `Events.Timestamp`, `Events.Name`, `Events.Attributes`, `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`, project
FROM mission_control.spans FINAL
WHERE origin = 'span' AND final = 1;

CREATE OR REPLACE VIEW otel_traces_trace_id_ts AS
SELECT trace_id AS TraceId, toDateTime(started_at) AS Start, toDateTime(last_at) + 1 AS End, project FROM mission_control.traces FINAL;
