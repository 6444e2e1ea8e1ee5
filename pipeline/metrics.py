"""Metrics: OTLP requests to columns of `metric_points`, one row per data point of any kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, Metric

from pipeline import vocabulary
from pipeline.batch import LedgerRow, Mapped
from pipeline.columns import TEXT_MAP, times
from pipeline.context import Envelope, Origin, Retention
from pipeline.messages import digest
from pipeline.spans import ledger_rows
from pipeline.values import attributes

_FLOATS, _COUNTS, _TIMES = pa.list_(pa.float64()), pa.list_(pa.uint64()), pa.list_(pa.timestamp("ns", "UTC"))
_COLUMNS: Final[Mapping[str, tuple[pa.DataType, Any]]] = {
    "project": (pa.string(), ""), "MetricName": (pa.string(), ""), "point_id": (pa.binary(16), b""), "kind": (pa.string(), ""),
    "TimeUnix": (pa.timestamp("ns", "UTC"), 0), "StartTimeUnix": (pa.timestamp("ns", "UTC"), 0), "ServiceName": (pa.string(), ""),
    "ResourceAttributes": (TEXT_MAP, {}), "ResourceSchemaUrl": (pa.string(), ""), "ScopeName": (pa.string(), ""), "ScopeVersion": (pa.string(), ""),
    "ScopeAttributes": (TEXT_MAP, {}), "ScopeDroppedAttrCount": (pa.uint32(), 0), "ScopeSchemaUrl": (pa.string(), ""),
    "MetricDescription": (pa.string(), ""), "MetricUnit": (pa.string(), ""), "Attributes": (TEXT_MAP, {}), "Flags": (pa.uint32(), 0),
    "Value": (pa.float64(), 0.0), "AggregationTemporality": (pa.int32(), 0), "IsMonotonic": (pa.bool_(), False), "Count": (pa.uint64(), 0),
    "Sum": (pa.float64(), 0.0), "Min": (pa.float64(), 0.0), "Max": (pa.float64(), 0.0), "BucketCounts": (_COUNTS, []), "ExplicitBounds": (_FLOATS, []),
    "Scale": (pa.int32(), 0), "ZeroCount": (pa.uint64(), 0), "PositiveOffset": (pa.int32(), 0), "PositiveBucketCounts": (_COUNTS, []),
    "NegativeOffset": (pa.int32(), 0), "NegativeBucketCounts": (_COUNTS, []), "ValueAtQuantiles.Quantile": (_FLOATS, []),
    "ValueAtQuantiles.Value": (_FLOATS, []), "Exemplars.FilteredAttributes": (pa.list_(TEXT_MAP), []), "Exemplars.TimeUnix": (_TIMES, []),
    "Exemplars.Value": (_FLOATS, []), "Exemplars.SpanId": (pa.list_(pa.string()), []), "Exemplars.TraceId": (pa.list_(pa.string()), []),
    "thread_id": (pa.string(), ""), "received": (pa.timestamp("ns", "UTC"), 0), "log_partition": (pa.uint16(), 0), "log_offset": (pa.uint64(), 0),
    "retention_days": (pa.uint16(), 0), "version": (pa.uint64(), 0),
}  # fmt: skip


class Block(NamedTuple):
    """What the metrics of one scope share, as columns."""

    shared: Mapping[str, Any]
    speaker: bytes


class MetricRows:
    """Rows of `metric_points`, under construction."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, block: Block, metric: Metric) -> int:
        """All points of one metric; returns how many. A metric of a kind we do not know has none."""
        kind = metric.WhichOneof("data")
        if kind is None:
            return 0
        data = getattr(metric, kind)
        temporality, monotonic = getattr(data, "aggregation_temporality", 0), getattr(data, "is_monotonic", False)
        about = {"MetricName": metric.name, "MetricDescription": metric.description, "MetricUnit": metric.unit, "kind": kind}
        for point in data.data_points:
            found = attributes(point.attributes)
            self._rows.append(
                {
                    **block.shared, **about, **_KINDS[kind](point), "AggregationTemporality": temporality, "IsMonotonic": monotonic, "Attributes": found,
                    "point_id": _point_id(block, metric, kind, point), "thread_id": vocabulary.thread_key(found)[0], "Flags": point.flags,
                    "TimeUnix": _nanoseconds(point.time_unix_nano), "StartTimeUnix": _nanoseconds(point.start_time_unix_nano),
                }
            )  # fmt: skip
        return len(data.data_points)

    def mapped(self, ledger: Sequence[LedgerRow]) -> Mapped:
        return Mapped({"metric_points": self._batch()} if self._rows else {}, ledger)

    def _batch(self) -> pa.RecordBatch:
        arrays = []
        for name, (kind, default) in _COLUMNS.items():
            values = [row.get(name, default) for row in self._rows]
            arrays.append(
                times(values) if pa.types.is_timestamp(kind) else pa.array(map(_items, values) if kind == TEXT_MAP else values, kind)
            )
        return pa.record_batch(arrays, names=list(_COLUMNS))


def _items(value: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(value.items())


def _nanoseconds(value: int) -> int:
    return min(value, 2**63 - 1)


def _point_id(block: Block, metric: Metric, kind: str, point: Any) -> bytes:
    """The same point resent has the same id, whatever its value: who, which metric, which attributes, from when to when."""
    words = (block.speaker, metric.name.encode(), metric.unit.encode(), kind.encode(), str(point.start_time_unix_nano).encode())
    said = b"".join(item.SerializeToString() for item in point.attributes)
    return digest(b"\0".join((*words, str(point.time_unix_nano).encode(), said)))


def _number(point: Any) -> dict[str, Any]:
    value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
    return {"Value": value, **_exemplars(point.exemplars)}


def _distribution(point: Any) -> dict[str, Any]:
    return {"Count": point.count, "Sum": point.sum, "Min": point.min, "Max": point.max, **_exemplars(point.exemplars)}


def _histogram(point: Any) -> dict[str, Any]:
    return {**_distribution(point), "BucketCounts": list(point.bucket_counts), "ExplicitBounds": list(point.explicit_bounds)}


def _exponential(point: Any) -> dict[str, Any]:
    positive, negative = point.positive, point.negative
    return {
        **_distribution(point), "Scale": point.scale, "ZeroCount": point.zero_count, "PositiveOffset": positive.offset,
        "PositiveBucketCounts": list(positive.bucket_counts), "NegativeOffset": negative.offset, "NegativeBucketCounts": list(negative.bucket_counts),
    }  # fmt: skip


def _summary(point: Any) -> dict[str, Any]:
    quantiles = point.quantile_values
    return {
        "Count": point.count, "Sum": point.sum, "ValueAtQuantiles.Quantile": [q.quantile for q in quantiles], "ValueAtQuantiles.Value": [q.value for q in quantiles],
    }  # fmt: skip


_KINDS: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}


def _exemplars(exemplars: Iterable[Exemplar]) -> dict[str, Any]:
    all_of_them = list(exemplars)
    if not all_of_them:
        return {}
    return {
        "Exemplars.FilteredAttributes": [_items(attributes(one.filtered_attributes)) for one in all_of_them],
        "Exemplars.TimeUnix": [_nanoseconds(one.time_unix_nano) for one in all_of_them],
        "Exemplars.Value": [one.as_double if one.WhichOneof("value") == "as_double" else float(one.as_int) for one in all_of_them],
        "Exemplars.SpanId": [one.span_id.hex() for one in all_of_them],
        "Exemplars.TraceId": [one.trace_id.hex() for one in all_of_them],
    }


def add_request(
    rows: MetricRows, request: ExportMetricsServiceRequest, around: Envelope, resource_origin: Any, retention: Retention
) -> list[LedgerRow]:
    """All points of one request; returns its line for the ledger."""
    counts: dict[str, int] = {}
    for resource_metrics in request.resource_metrics:
        here: Origin = resource_origin(resource_metrics.resource, around)
        for scope_metrics in resource_metrics.scope_metrics:
            scope = scope_metrics.scope
            shared = {
                "project": here.project, "ServiceName": here.service, "ResourceAttributes": here.attributes, "ResourceSchemaUrl": resource_metrics.schema_url,
                "ScopeName": scope.name, "ScopeVersion": scope.version, "ScopeAttributes": attributes(scope.attributes),
                "ScopeDroppedAttrCount": scope.dropped_attributes_count, "ScopeSchemaUrl": scope_metrics.schema_url, "received": around.received,
                "log_partition": around.partition, "log_offset": around.offset, "retention_days": retention(here.project, "metrics"), "version": around.received,
            }  # fmt: skip
            block = Block(shared, resource_metrics.resource.SerializeToString() + scope.SerializeToString() + here.project.encode())
            points = sum(rows.add(block, metric) for metric in scope_metrics.metrics)
            counts[here.project] = counts.get(here.project, 0) + points
    return ledger_rows(around, counts)
