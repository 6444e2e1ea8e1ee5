"""One list of metrics: all prefixed, all explained, all of them scraped under the names that the list says."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from schemas.metrics import Metrics, metric_table


def test_every_metric_is_in_the_table_once() -> None:
    names = [name for name, _, _ in metric_table()]
    metrics = Metrics(CollectorRegistry())
    assert len(set(names)) == len(names) == sum(isinstance(value, MetricWrapperBase) for value in vars(metrics).values())


def test_every_metric_is_prefixed_and_explained() -> None:
    for name, kind, text in metric_table():
        assert name.startswith("mission_control_")
        assert kind in ("counter", "gauge", "histogram")
        assert text.endswith("."), name
        assert (kind == "counter") == name.endswith("_total")


def test_scraped_under_the_names_of_the_table() -> None:
    scraped = generate_latest(Metrics(CollectorRegistry()).registry).decode()
    for name, kind, text in metric_table():
        assert f"# HELP {name} {text}\n# TYPE {name} {kind}\n" in scraped


def test_two_registries_do_not_meet() -> None:
    first, second = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    first.otlp_requests.labels("spans", "http", "accepted").inc()
    labels = {"signal": "spans", "transport": "http", "outcome": "accepted"}
    assert first.registry.get_sample_value("mission_control_otlp_requests_total", labels) == 1
    assert second.registry.get_sample_value("mission_control_otlp_requests_total", labels) is None
