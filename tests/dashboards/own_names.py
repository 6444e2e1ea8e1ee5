"""Mission Control's own metrics as dashboards name them, beside those that it has."""

import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from dashboards.files import dashboard_files
from schemas.metrics import Metrics

NAMED = re.compile(r"MetricName = '(?P<name>\w+)'")
LABELLED = re.compile(r"Attributes\['(?P<label>\w+)'\] AS label")
TABLE = re.compile(r"mission_control\.otel_metrics_(?P<kind>\w+)")


def existing() -> dict[str, tuple[str, tuple[str, ...]]]:
    """name -> (kind as an OTLP table holds it, labels)."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    kinds = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}
    found = {}
    for collector in vars(metrics).values():
        if isinstance(collector, MetricWrapperBase):
            for family in collector.collect():
                name = f"{family.name}_total" if family.type == "counter" else family.name
                found[name] = (kinds[family.type], collector._labelnames)
    return found


def named() -> Iterator[tuple[str, str, str]]:
    """(name, kind, label or "") of each metric that a dashboard reads."""
    for model in dashboard_files().values():
        for panel in model["panels"]:
            for target in panel.get("targets", ()):
                sql = target["rawSql"]
                label = LABELLED.search(sql)
                if not NAMED.search(sql):  # other people's metrics
                    continue
                for name, kind in zip(NAMED.findall(sql), TABLE.findall(sql), strict=True):
                    yield name, kind, label["label"] if label else ""


def own_metrics() -> list[tuple[str, str, str, str]]:
    """Points to seed: each metric once, with the first label that a dashboard asks for."""
    chosen: dict[tuple[str, str], str] = {}
    for name, kind, label in named():
        chosen[name, kind] = chosen.get((name, kind)) or label
    return [(name, kind, label, "x") for (name, kind), label in sorted(chosen.items())]
