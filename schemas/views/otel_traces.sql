-- The OpenTelemetry ClickHouse exporter's table, column for column, one row per span, beside the project. What was too heavy to stand in
-- a span shows in SpanAttributes as a reference to `message_bodies`.
-- Conditions on the key come first with FINAL too: of a trace's granules, one in every part, only its own rows are read whole.
CREATE OR REPLACE VIEW otel_traces (
    Timestamp DateTime64(9, 'UTC') COMMENT 'When it began (spans) or happened (logs)',
    TraceId String COMMENT 'Trace id, hexadecimal',
    SpanId String COMMENT 'Span id, hexadecimal',
    ParentSpanId String COMMENT 'Span id of the parent, or empty',
    TraceState String COMMENT 'W3C trace state',
    SpanName LowCardinality(String) COMMENT 'Name of the span',
    SpanKind LowCardinality(String) COMMENT 'Unspecified, Internal, Server, Client, Producer, Consumer',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    SpanAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the span; what is stored by content shows as item:<hash> or list:<hashes>',
    Duration UInt64 COMMENT 'Nanoseconds',
    StatusCode LowCardinality(String) COMMENT 'Unset, Ok, Error',
    StatusMessage String COMMENT 'Message of the status',
    `Events.Timestamp` Array(DateTime64(9, 'UTC')) COMMENT 'When each event happened',
    `Events.Name` Array(LowCardinality(String)) COMMENT 'Name of each event',
    `Events.Attributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each event',
    `Links.TraceId` Array(String) COMMENT 'Trace id of each link',
    `Links.SpanId` Array(String) COMMENT 'Span id of each link',
    `Links.TraceState` Array(String) COMMENT 'Trace state of each link',
    `Links.Attributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each link',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Spans with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName, ScopeVersion,
    mapUpdate(SpanAttributes, bodies) AS SpanAttributes, Duration, StatusCode, StatusMessage, `Events.Timestamp`, `Events.Name`,
    `Events.Attributes`, `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`, project
FROM mission_control.spans FINAL
WHERE origin = 'span' AND final = 1
SETTINGS optimize_move_to_prewhere_if_final = 1;

CREATE OR REPLACE VIEW otel_traces_trace_id_ts (
    TraceId String COMMENT 'Trace id, hexadecimal',
    Start DateTime('UTC') COMMENT 'Second in which its first span began',
    End DateTime('UTC') COMMENT 'Second after its last span ended',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'When each trace was: narrows a look-up by trace id' AS
SELECT trace_id AS TraceId, toDateTime(started_at, 'UTC') AS Start, toDateTime(last_at, 'UTC') + 1 AS End, project FROM mission_control.traces FINAL;
