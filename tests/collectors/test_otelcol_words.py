"""What the Collector's configurations that we ship have to say, whoever reads them."""

import re
from typing import Any

import yaml

from tests.brokers import ROOT
from tests.otelcol import CONFIGS


def config(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def test_both_ways_of_the_gateway_keep_the_same_spans() -> None:
    """OTTL has no names for conditions, so the list stands there twice."""
    processors = config("gateway")["processors"]
    (condition,) = processors["filter/kept"]["trace_conditions"]
    (policy,) = (one["ottl_condition"] for one in processors["tail_sampling"]["policies"] if one["type"] == "ottl_condition")
    assert condition == f"not ( {' or '.join(policy['span'])} )"


def test_every_exporter_waits_on_disk_and_never_gives_up() -> None:
    for name in ("agent", "gateway", "to-kafka", "from-kafka"):
        for exporter in config(name)["exporters"].values():
            assert exporter["sending_queue"]["storage"] == "file_storage"
            assert exporter["sending_queue"]["block_on_overflow"] is True
            assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"


def test_every_variable_is_documented() -> None:
    used = {name for path in CONFIGS.glob("*.yaml") for name in re.findall(r"\$\{env:(\w+)", path.read_text(encoding="utf-8"))} - {"NAME"}
    rows = [line for line in (ROOT / "docs/collector.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])} == used


def test_what_is_built_is_what_the_configurations_name() -> None:
    """All of one version; those of the benchmark add the exporter that it compares with."""
    manifest = yaml.safe_load((CONFIGS / "builder.yaml").read_text(encoding="utf-8"))
    kinds = ("receivers", "processors", "exporters", "connectors", "extensions")
    built = {line["gomod"].split("/")[-1].replace(" ", "@") for kind in kinds for line in manifest[kind]}
    files = [*CONFIGS.glob("*.yaml"), *(ROOT / "bench/otelcol").glob("*.yaml")]
    loaded = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files if path.name != "builder.yaml"]
    named = {f"{part.split('/')[0].replace('_', '')}{kind[:-1]}" for one in loaded for kind in kinds for part in one.get(kind, {})}
    assert built == {f"{part.replace('filestorageextension', 'filestorage')}@v0.161.0" for part in named}
