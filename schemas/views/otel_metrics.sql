-- The OpenTelemetry ClickHouse exporter's five metric tables, column for column, over one table of points.
CREATE OR REPLACE VIEW otel_metrics_gauge (
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ResourceSchemaUrl LowCardinality(String) COMMENT 'Schema of the resource',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    ScopeAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the scope',
    ScopeDroppedAttrCount UInt32 COMMENT 'Attributes of the scope that its sender dropped',
    ScopeSchemaUrl LowCardinality(String) COMMENT 'Schema of the scope',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    MetricName LowCardinality(String) COMMENT 'Name of the metric',
    MetricDescription LowCardinality(String) COMMENT 'Description of the metric',
    MetricUnit LowCardinality(String) COMMENT 'Unit of the metric',
    Attributes Map(LowCardinality(String), String) COMMENT 'Attributes of the point',
    StartTimeUnix DateTime64(9, 'UTC') COMMENT 'Start of the time the point is about',
    TimeUnix DateTime64(9, 'UTC') COMMENT 'End of the time the point is about',
    Value Float64 COMMENT 'Value of the point',
    Flags UInt32 COMMENT 'Flags of the point',
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each exemplar that the point lacks',
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) COMMENT 'When each exemplar was taken',
    `Exemplars.Value` Array(Float64) COMMENT 'Value of each exemplar',
    `Exemplars.SpanId` Array(String) COMMENT 'Span of each exemplar',
    `Exemplars.TraceId` Array(String) COMMENT 'Trace of each exemplar',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Points of gauge metrics with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount, ScopeSchemaUrl, ServiceName,
    MetricName, MetricDescription, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Value, Flags, `Exemplars.FilteredAttributes`,
    `Exemplars.TimeUnix`, `Exemplars.Value`, `Exemplars.SpanId`, `Exemplars.TraceId`, project
FROM mission_control.metric_points FINAL
WHERE kind = 'gauge';

CREATE OR REPLACE VIEW otel_metrics_sum (
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ResourceSchemaUrl LowCardinality(String) COMMENT 'Schema of the resource',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    ScopeAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the scope',
    ScopeDroppedAttrCount UInt32 COMMENT 'Attributes of the scope that its sender dropped',
    ScopeSchemaUrl LowCardinality(String) COMMENT 'Schema of the scope',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    MetricName LowCardinality(String) COMMENT 'Name of the metric',
    MetricDescription LowCardinality(String) COMMENT 'Description of the metric',
    MetricUnit LowCardinality(String) COMMENT 'Unit of the metric',
    Attributes Map(LowCardinality(String), String) COMMENT 'Attributes of the point',
    StartTimeUnix DateTime64(9, 'UTC') COMMENT 'Start of the time the point is about',
    TimeUnix DateTime64(9, 'UTC') COMMENT 'End of the time the point is about',
    Value Float64 COMMENT 'Value of the point',
    Flags UInt32 COMMENT 'Flags of the point',
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each exemplar that the point lacks',
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) COMMENT 'When each exemplar was taken',
    `Exemplars.Value` Array(Float64) COMMENT 'Value of each exemplar',
    `Exemplars.SpanId` Array(String) COMMENT 'Span of each exemplar',
    `Exemplars.TraceId` Array(String) COMMENT 'Trace of each exemplar',
    AggregationTemporality Int32 COMMENT '0 unspecified, 1 delta, 2 cumulative',
    IsMonotonic Bool COMMENT 'Whether the sum only grows',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Points of sum metrics with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount, ScopeSchemaUrl, ServiceName,
    MetricName, MetricDescription, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Value, Flags, `Exemplars.FilteredAttributes`,
    `Exemplars.TimeUnix`, `Exemplars.Value`, `Exemplars.SpanId`, `Exemplars.TraceId`, AggregationTemporality, IsMonotonic, project
FROM mission_control.metric_points FINAL
WHERE kind = 'sum';

CREATE OR REPLACE VIEW otel_metrics_histogram (
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ResourceSchemaUrl LowCardinality(String) COMMENT 'Schema of the resource',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    ScopeAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the scope',
    ScopeDroppedAttrCount UInt32 COMMENT 'Attributes of the scope that its sender dropped',
    ScopeSchemaUrl LowCardinality(String) COMMENT 'Schema of the scope',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    MetricName LowCardinality(String) COMMENT 'Name of the metric',
    MetricDescription LowCardinality(String) COMMENT 'Description of the metric',
    MetricUnit LowCardinality(String) COMMENT 'Unit of the metric',
    Attributes Map(LowCardinality(String), String) COMMENT 'Attributes of the point',
    StartTimeUnix DateTime64(9, 'UTC') COMMENT 'Start of the time the point is about',
    TimeUnix DateTime64(9, 'UTC') COMMENT 'End of the time the point is about',
    Count UInt64 COMMENT 'Number of values',
    Sum Float64 COMMENT 'Sum of the values',
    BucketCounts Array(UInt64) COMMENT 'Values per bucket',
    ExplicitBounds Array(Float64) COMMENT 'Upper bounds of the buckets but the last',
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each exemplar that the point lacks',
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) COMMENT 'When each exemplar was taken',
    `Exemplars.Value` Array(Float64) COMMENT 'Value of each exemplar',
    `Exemplars.SpanId` Array(String) COMMENT 'Span of each exemplar',
    `Exemplars.TraceId` Array(String) COMMENT 'Trace of each exemplar',
    Flags UInt32 COMMENT 'Flags of the point',
    Min Float64 COMMENT 'Smallest value',
    Max Float64 COMMENT 'Largest value',
    AggregationTemporality Int32 COMMENT '0 unspecified, 1 delta, 2 cumulative',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Points of histogram metrics with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount, ScopeSchemaUrl, ServiceName,
    MetricName, MetricDescription, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Count, Sum, BucketCounts, ExplicitBounds,
    `Exemplars.FilteredAttributes`, `Exemplars.TimeUnix`, `Exemplars.Value`, `Exemplars.SpanId`, `Exemplars.TraceId`, Flags, Min, Max,
    AggregationTemporality, project
FROM mission_control.metric_points FINAL
WHERE kind = 'histogram';

CREATE OR REPLACE VIEW otel_metrics_exponential_histogram (
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ResourceSchemaUrl LowCardinality(String) COMMENT 'Schema of the resource',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    ScopeAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the scope',
    ScopeDroppedAttrCount UInt32 COMMENT 'Attributes of the scope that its sender dropped',
    ScopeSchemaUrl LowCardinality(String) COMMENT 'Schema of the scope',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    MetricName LowCardinality(String) COMMENT 'Name of the metric',
    MetricDescription LowCardinality(String) COMMENT 'Description of the metric',
    MetricUnit LowCardinality(String) COMMENT 'Unit of the metric',
    Attributes Map(LowCardinality(String), String) COMMENT 'Attributes of the point',
    StartTimeUnix DateTime64(9, 'UTC') COMMENT 'Start of the time the point is about',
    TimeUnix DateTime64(9, 'UTC') COMMENT 'End of the time the point is about',
    Count UInt64 COMMENT 'Number of values',
    Sum Float64 COMMENT 'Sum of the values',
    Scale Int32 COMMENT 'Scale of the exponential buckets',
    ZeroCount UInt64 COMMENT 'Values that are zero',
    PositiveOffset Int32 COMMENT 'Index of the first positive bucket',
    PositiveBucketCounts Array(UInt64) COMMENT 'Values per positive bucket',
    NegativeOffset Int32 COMMENT 'Index of the first negative bucket',
    NegativeBucketCounts Array(UInt64) COMMENT 'Values per negative bucket',
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each exemplar that the point lacks',
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) COMMENT 'When each exemplar was taken',
    `Exemplars.Value` Array(Float64) COMMENT 'Value of each exemplar',
    `Exemplars.SpanId` Array(String) COMMENT 'Span of each exemplar',
    `Exemplars.TraceId` Array(String) COMMENT 'Trace of each exemplar',
    Flags UInt32 COMMENT 'Flags of the point',
    Min Float64 COMMENT 'Smallest value',
    Max Float64 COMMENT 'Largest value',
    AggregationTemporality Int32 COMMENT '0 unspecified, 1 delta, 2 cumulative',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Points of exponential histogram metrics with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount, ScopeSchemaUrl, ServiceName,
    MetricName, MetricDescription, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Count, Sum, Scale, ZeroCount, PositiveOffset,
    PositiveBucketCounts, NegativeOffset, NegativeBucketCounts, `Exemplars.FilteredAttributes`, `Exemplars.TimeUnix`, `Exemplars.Value`,
    `Exemplars.SpanId`, `Exemplars.TraceId`, Flags, Min, Max, AggregationTemporality, project
FROM mission_control.metric_points FINAL
WHERE kind = 'exponential_histogram';

CREATE OR REPLACE VIEW otel_metrics_summary (
    ResourceAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the resource',
    ResourceSchemaUrl LowCardinality(String) COMMENT 'Schema of the resource',
    ScopeName LowCardinality(String) COMMENT 'Name of the instrumentation scope',
    ScopeVersion LowCardinality(String) COMMENT 'Version of the instrumentation scope',
    ScopeAttributes Map(LowCardinality(String), String) COMMENT 'Attributes of the scope',
    ScopeDroppedAttrCount UInt32 COMMENT 'Attributes of the scope that its sender dropped',
    ScopeSchemaUrl LowCardinality(String) COMMENT 'Schema of the scope',
    ServiceName LowCardinality(String) COMMENT 'service.name of the resource',
    MetricName LowCardinality(String) COMMENT 'Name of the metric',
    MetricDescription LowCardinality(String) COMMENT 'Description of the metric',
    MetricUnit LowCardinality(String) COMMENT 'Unit of the metric',
    Attributes Map(LowCardinality(String), String) COMMENT 'Attributes of the point',
    StartTimeUnix DateTime64(9, 'UTC') COMMENT 'Start of the time the point is about',
    TimeUnix DateTime64(9, 'UTC') COMMENT 'End of the time the point is about',
    Count UInt64 COMMENT 'Number of values',
    Sum Float64 COMMENT 'Sum of the values',
    `ValueAtQuantiles.Quantile` Array(Float64) COMMENT 'Quantiles',
    `ValueAtQuantiles.Value` Array(Float64) COMMENT 'Values at these quantiles',
    Flags UInt32 COMMENT 'Flags of the point',
    project LowCardinality(String) COMMENT 'Project (tenant)'
) COMMENT 'Points of summary metrics with the columns of the OpenTelemetry ClickHouse exporter' AS
SELECT
    ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount, ScopeSchemaUrl, ServiceName,
    MetricName, MetricDescription, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Count, Sum, `ValueAtQuantiles.Quantile`,
    `ValueAtQuantiles.Value`, Flags, project
FROM mission_control.metric_points FINAL
WHERE kind = 'summary';
