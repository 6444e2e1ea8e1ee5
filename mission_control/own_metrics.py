"""Our own metrics as OTLP in our own log, so that the dashboard *Mission Control itself* needs no collector that scrapes `/metrics`."""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import groupby, pairwise
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, HistogramDataPoint, Metric, NumberDataPoint
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from mission_control.beside import beside
from schemas.errors import LogUnavailableError
from schemas.ports import LogWriter
from schemas.settings import Settings
from schemas.topics import METRICS, OWN_PROJECT, PROJECT_HEADER, RECEIVED_HEADER, SOURCE_HEADER

SOURCE: Final = "own_metrics"
CUMULATIVE: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
logger = logging.getLogger(__name__)


class OwnMetrics:
    """Of one process, whatever its role. `own_metrics_interval` 0 sends nothing."""

    def __init__(
        self, log: LogWriter, registry: CollectorRegistry, settings: Settings, role: str, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._log, self._registry, self._interval, self._clock = log, registry, settings.own_metrics_interval, clock
        name = f"{socket.gethostname()} {settings.data_dir.absolute()}"  # the same after a restart, as counters want it
        self._resource = {"service.name": "mission-control", "service.instance.id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)), "role": role}
        self._since = clock()

    def sent(self) -> AbstractAsyncContextManager[None]:
        """Again and again while the block runs."""
        return beside(self._run(), "own metrics") if self._interval else nullcontext()

    async def send(self) -> None:
        """Once. Raises LogUnavailableError."""
        now = self._clock()
        headers = {RECEIVED_HEADER: str(now), SOURCE_HEADER: SOURCE, PROJECT_HEADER: OWN_PROJECT}
        request = as_otlp(self._registry.collect(), self._resource, self._since, now)
        await self._log.append(METRICS, request.SerializeToString(), headers)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.send()
            except LogUnavailableError as error:  # the next ones hold the same counters
                logger.info("own metrics not sent", extra={"problem": str(error)})


def as_otlp(families: Iterable[Family], resource: Mapping[str, str], since: int, now: int) -> ExportMetricsServiceRequest:
    """Names as `/metrics` shows them; times in nanoseconds since 1970."""
    request = ExportMetricsServiceRequest()
    block = request.resource_metrics.add()
    block.resource.attributes.extend(_attributes(resource))
    scope = block.scope_metrics.add()
    scope.scope.name = "mission_control"
    for family in families:
        if family.samples:
            scope.metrics.append(_metric(family, since, now))
    return request


def _metric(family: Family, since: int, now: int) -> Metric:
    metric = Metric(name=f"{family.name}_total" if family.type == "counter" else family.name, description=family.documentation)
    if family.type == "histogram":
        metric.histogram.aggregation_temporality = CUMULATIVE
        metric.histogram.data_points.extend(_histogram(list(samples), since, now) for _, samples in groupby(family.samples, _labels))
        return metric
    points = [_number(sample, since, now) for sample in family.samples if not sample.name.endswith("_created")]
    if family.type == "counter":
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = CUMULATIVE, True
        metric.sum.data_points.extend(points)
    else:
        metric.gauge.data_points.extend(points)
    return metric


def _number(sample: Sample, since: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(
        start_time_unix_nano=since, time_unix_nano=now, as_double=float(sample.value), attributes=_attributes(dict(sample.labels))
    )


def _histogram(samples: Sequence[Sample], since: int, now: int) -> HistogramDataPoint:
    """Prometheus counts everything up to a limit, OTLP what lies between two; the last limit is infinite and not named."""
    buckets = [(sample.labels["le"], int(sample.value)) for sample in samples if sample.name.endswith("_bucket")]
    (total,) = [float(sample.value) for sample in samples if sample.name.endswith("_sum")]
    return HistogramDataPoint(
        start_time_unix_nano=since,
        time_unix_nano=now,
        attributes=_attributes(dict(_labels(samples[0]))),
        count=buckets[-1][1],
        sum=total,
        explicit_bounds=[float(limit) for limit, _ in buckets[:-1]],
        bucket_counts=[after - before for before, after in pairwise([0, *(count for _, count in buckets)])],
    )


def _labels(sample: Sample) -> tuple[tuple[str, str], ...]:
    """Without the limit of a bucket."""
    return tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))


def _attributes(values: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in values.items()]
