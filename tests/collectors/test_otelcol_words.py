"""What the Collector's configurations that we ship have to say, whoever reads them."""

from typing import Any

import yaml

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
