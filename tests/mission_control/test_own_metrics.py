"""Our own metrics in our own tables: all that `/metrics` shows, under the same names, as the dashboards read them."""

import asyncio
from typing import cast

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from mission_control import store_figures
from mission_control.own_metrics import SOURCE, OwnMetrics
from mission_control.store_figures import StoreFigures
from schemas.errors import StoreUnavailableError
from schemas.metrics import Metrics
from schemas.settings import load_settings
from schemas.store import ClickHouseStore, Store
from schemas.topics import METRICS, OWN_PROJECT, PROJECT_HEADER, SOURCE_HEADER
from tests.collectors.conftest import Appended, MemoryLog
from tests.dashboards.own_names import named
from tests.pipeline.line import Line


def touched() -> Metrics:
    """Each metric with one point."""
    metrics = Metrics(CollectorRegistry())
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase) and metric._labelnames:
            metric.labels(*("x" for _ in metric._labelnames))
    metrics.map_seconds.labels("spans").observe(0.003)
    metrics.map_seconds.labels("spans").observe(3)
    metrics.dead_letters.labels("spans", "malformed").inc(4)
    metrics.lag_records.labels("spans").set(7)
    return metrics


def message(appended: Appended) -> ExportMetricsServiceRequest:
    assert isinstance(appended.message, ExportMetricsServiceRequest)
    return appended.message


async def sent(metrics: Metrics) -> ExportMetricsServiceRequest:
    log = MemoryLog()
    await OwnMetrics(log, metrics.registry, load_settings(), "up").send()
    (appended,) = log.appended
    assert (appended.topic, appended.headers[PROJECT_HEADER], appended.headers[SOURCE_HEADER]) == (METRICS, OWN_PROJECT, SOURCE)
    return message(appended)


async def test_tables_hold_what_dashboards_ask_for(store: ClickHouseStore) -> None:
    line = Line(store)
    line.write(METRICS, await sent(touched()))
    for name, kind, label in set(named()):
        points = line.rows(f"otel_metrics_{kind}", "Attributes, ServiceName, ResourceAttributes", f"MetricName = '{name}'")
        assert points, f"{name} is no {kind}"
        assert not label or label in points[0]["Attributes"]
        assert points[0]["ServiceName"] == "mission-control"
        assert points[0]["ResourceAttributes"]["service.instance.id"]
    assert line.values(
        "otel_metrics_gauge", "Value", "MetricName = 'mission_control_pipeline_lag_records' AND Attributes['signal'] = 'spans'"
    ) == [7]
    dead = "MetricName = 'mission_control_pipeline_dead_letters_total' AND Attributes['reason'] = 'malformed'"
    assert line.values("otel_metrics_sum", "Value, IsMonotonic, AggregationTemporality", dead) == [(4, True, 2)]


async def test_the_store_is_looked_at(store: ClickHouseStore) -> None:
    metrics = Metrics(CollectorRegistry())
    Line(store).write(METRICS, await sent(touched()))
    async with StoreFigures(store, metrics).kept(), asyncio.timeout(60):
        while metrics.registry.get_sample_value("mission_control_store_parts", {"table": "metric_points"}) is None:  # noqa: ASYNC110  gauges wake nobody
            await asyncio.sleep(0.01)
    for name, labels in (("disk_bytes", {"table": "metric_points"}), ("parts", {"table": "metric_points"}), ("memory_bytes", {})):
        assert (metrics.registry.get_sample_value(f"mission_control_store_{name}", labels) or 0) > 0


async def test_figures_of_a_store_that_is_away_stay_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        looks = 0

        def query(self, sql: str, parameters: object) -> list[dict[str, object]]:
            self.looks += 1
            raise StoreUnavailableError("away")

    monkeypatch.setattr(store_figures, "INTERVAL", 0.01)
    away, metrics = Away(), Metrics(CollectorRegistry())
    async with StoreFigures(cast(Store, away), metrics).kept(), asyncio.timeout(60):
        while away.looks < 2:  # noqa: ASYNC110  nobody is told of a look
            await asyncio.sleep(0.01)
    assert metrics.registry.get_sample_value("mission_control_store_memory_bytes") == 0


async def test_a_histogram_holds_what_lies_between_its_limits() -> None:
    request = await sent(touched())
    (metric,) = [one for one in request.resource_metrics[0].scope_metrics[0].metrics if one.name == "mission_control_pipeline_map_seconds"]
    (point,) = [one for one in metric.histogram.data_points if one.attributes[0].value.string_value == "spans"]
    assert point.count == 2
    assert point.sum == pytest.approx(3.003)
    found = dict(zip(point.explicit_bounds, point.bucket_counts, strict=False))
    assert {limit: count for limit, count in found.items() if count} == {0.005: 1, 5.0: 1}
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1


async def test_they_are_sent_again_and_again_where_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog()
    log.refuse()
    caplog.set_level("INFO")
    async with OwnMetrics(log, touched().registry, load_settings(own_metrics_interval=0.01), "up").sent():
        async with asyncio.timeout(30):
            while "own metrics not sent" not in caplog.text:  # noqa: ASYNC110  log lines wake nobody
                await asyncio.sleep(0.01)
            log.refusal = None
            while len(log.appended) < 2:  # noqa: ASYNC110  nor does the log
                await asyncio.sleep(0.01)
    first, second = (message(one).resource_metrics[0].resource for one in log.appended[:2])
    assert first == second
    silent = MemoryLog()
    async with OwnMetrics(silent, touched().registry, load_settings(), "up").sent():
        await asyncio.sleep(0.05)
    assert silent.appended == []
