"""Metric points of all five kinds, and that the same point sent again is the same."""

import math
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import at, hex_span, hex_trace, items, span_id, trace

TIMES: Any = {
    "start_time_unix_nano": at(0),
    "time_unix_nano": at(10),
    "attributes": items({"gen_ai.conversation.id": "c", "k": 1}),
    "flags": 1,
}
EXEMPLAR = Exemplar(time_unix_nano=at(5), as_int=7, span_id=span_id(2), trace_id=trace(1), filtered_attributes=items({"f": "x"}))


def gauge(value: float, **more: Any) -> Metric:
    return Metric(name="g", unit="By", description="d", gauge={"data_points": [NumberDataPoint(as_double=value, **{**TIMES, **more})]})  # type: ignore[arg-type]  # protobuf takes a dict


def test_gauges_and_sums(line: Line) -> None:
    points = [NumberDataPoint(as_int=5, exemplars=[EXEMPLAR, Exemplar(as_double=0.5)], **TIMES)]
    line.points(gauge(1.5), Metric(name="s", sum={"data_points": points, "aggregation_temporality": 2, "is_monotonic": True}))  # type: ignore[arg-type]  # as above
    (row,) = line.rows("otel_metrics_gauge")
    assert (row["MetricName"], row["MetricUnit"], row["MetricDescription"], row["Value"], row["Flags"]) == ("g", "By", "d", 1.5, 1)
    assert row["Attributes"] == {"gen_ai.conversation.id": "c", "k": "1"}
    (row,) = line.rows("otel_metrics_sum")
    assert (row["Value"], row["AggregationTemporality"], row["IsMonotonic"]) == (5.0, 2, True)
    assert row["Exemplars.Value"] == [7.0, 0.5]
    assert (row["Exemplars.SpanId"], row["Exemplars.TraceId"]) == ([hex_span(2), ""], [hex_trace(1), ""])
    assert row["Exemplars.FilteredAttributes"] == [{"f": "x"}, {}]
    assert set(line.values("metric_points", "thread_id")) == {"c"}


def test_histograms_and_summaries(line: Line) -> None:
    plain = HistogramDataPoint(count=3, sum=6.5, min=1, max=4, bucket_counts=[1, 2], explicit_bounds=[2.5], exemplars=[EXEMPLAR], **TIMES)
    exponential = ExponentialHistogramDataPoint(count=4, sum=2, min=0.5, max=1, scale=-2, zero_count=1, **TIMES)
    exponential.positive.offset, exponential.negative.offset = 3, -3
    exponential.positive.bucket_counts.extend([1, 2])
    exponential.negative.bucket_counts.append(2**63)
    summary = SummaryDataPoint(count=2, sum=9, quantile_values=[SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=4)], **TIMES)
    line.points(
        Metric(name="h", histogram={"data_points": [plain], "aggregation_temporality": 1}),  # type: ignore[arg-type]  # protobuf takes a dict
        Metric(name="e", exponential_histogram={"data_points": [exponential]}),  # type: ignore[arg-type]  # as above
        Metric(name="q", summary={"data_points": [summary]}),  # type: ignore[arg-type]  # as above
    )
    (row,) = line.rows("otel_metrics_histogram")
    assert [row[name] for name in ("Count", "Sum", "Min", "Max", "BucketCounts", "ExplicitBounds", "AggregationTemporality")] == [
        3,
        6.5,
        1,
        4,
        [1, 2],
        [2.5],
        1,
    ]
    (row,) = line.rows("otel_metrics_exponential_histogram")
    names = ("Scale", "ZeroCount", "PositiveOffset", "PositiveBucketCounts", "NegativeOffset", "NegativeBucketCounts")
    assert [row[name] for name in names] == [-2, 1, 3, [1, 2], -3, [2**63]]
    (row,) = line.rows("otel_metrics_summary")
    assert (row["Count"], row["ValueAtQuantiles.Quantile"], row["ValueAtQuantiles.Value"]) == (2, [0.5], [4.0])


def test_a_resent_point_replaces_itself_and_another_does_not(line: Line) -> None:
    line.points(gauge(1.0))
    line.points(gauge(2.0))
    line.points(gauge(3.0, time_unix_nano=at(11)), gauge(4.0, attributes=items({"k": 2})))
    assert sorted(line.values("otel_metrics_gauge", "Value")) == [2.0, 3.0, 4.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_any_double_is_a_value(line: Line, value: float) -> None:
    (mapped,) = line.points(gauge(value, time_unix_nano=2**64 - 1))
    (found,) = line.values("otel_metrics_gauge", "Value")
    assert found == value or math.isnan(value)
    assert mapped.ledger[0].stored == 1


def test_a_metric_without_data_has_no_points(line: Line) -> None:
    (mapped,) = line.points(Metric(name="nothing"), Metric(name="none", gauge={}))  # type: ignore[arg-type]  # protobuf takes a dict
    assert mapped.tables == {}
    assert mapped.ledger[0].records == 0
