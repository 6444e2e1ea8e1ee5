"""What a load needs: the arithmetic, its floors, and that it fits what runs measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.needs import MEASURED, Assumptions, Costs, main, needs, per_second, table
from bench.partitions import STAGES, Run, result

COSTS = Costs(collect_us=20, kafka_us=20, process_us=100, store_us=60, wire_bytes=800, log_bytes=150, stored_bytes=220)
GIVEN = Assumptions(spread=1)
PAGE = Path(__file__).parents[2] / "docs/scaling.md"


def test_a_small_load_needs_the_least_that_may_lose_one_of_each() -> None:
    found = needs(1e6, COSTS, GIVEN)
    assert (found.collectors, found.processors, found.partitions, found.brokers) == (2, 2, 6, 3)
    assert (found.shards, found.store_nodes) == (1, 2)


def test_what_grows_grows_with_the_load() -> None:
    small, large = needs(1e8, COSTS, GIVEN), needs(1e10, COSTS, GIVEN)
    assert large.peak_per_second == pytest.approx(1e10 / 86_400 * 3)
    assert large.processors == 70  # 347,222 a second of 100 µs, half busy
    assert large.partitions == 140
    assert large.store_disk_bytes == pytest.approx(1e10 * 30 * 220 * 2 * 1.25)
    assert large.log_disk_bytes == pytest.approx(1e10 * 3 * 150 * 3 * 1.25)
    assert large.shards == 11  # 8 TB in a node, of 82.5 TB on each replica
    assert large.brokers == 5  # 4 TB in each
    assert large.usd_month > small.usd_month
    assert large.usd_million < small.usd_million


def test_what_is_busy_decides() -> None:
    slow_store = replace(COSTS, store_us=1_000, stored_bytes=1)
    assert needs(1e10, slow_store, GIVEN).shards == 58  # 694 cores, 12 of a node's 16
    assert needs(1e10, replace(COSTS, log_bytes=1_000), replace(GIVEN, broker_disk_bytes=1e15)).brokers == 21  # by the network


def test_money_is_cores_and_disks() -> None:
    found = needs(1e8, COSTS, replace(GIVEN, usd_gb_month=0))
    assert found.usd_month == pytest.approx(found.cores * 0.04 * 720)
    assert found.usd_million == pytest.approx(found.usd_month / 3_000)


def test_a_machine_gives_no_more_than_its_cores_and_a_processor_one() -> None:
    assert per_second(COSTS, 1, 64, GIVEN) == pytest.approx(10_000)
    assert per_second(COSTS, 2, 64, GIVEN) == pytest.approx(20_000)
    assert per_second(COSTS, 4, 2, GIVEN) == pytest.approx(10_000)


def test_more_than_two_processors_ask_more_often_and_pay_for_it() -> None:
    dear = Assumptions(spread=3)
    assert per_second(COSTS, 2, 2, dear) == pytest.approx(10_000)
    assert per_second(COSTS, 4, 2, dear) == pytest.approx(2e6 / (40 + 3 * 160))
    assert needs(1e6, COSTS, dear).processors == 2
    assert needs(1e10, COSTS, dear).processors == 209


def test_the_model_fits_the_runs_that_the_page_shows() -> None:
    """With the costs of the first run it says what the others reached, within a tenth."""
    for processors, cores, spans in ((1, 0.358, 638), (2, 0.455, 836), (4, 0.545, 719)):
        assert per_second(MEASURED, processors, cores, Assumptions()) == pytest.approx(spans, rel=0.1)


def test_a_run_says_what_a_span_costs_and_what_the_model_expects() -> None:
    cpu = dict(zip(STAGES, (0.02, 0.02, 0.1, 0.06), strict=True))
    run = Run(processors=1, spans=1000, wire_bytes=800_000, seconds=0.5, cpu=cpu, log_bytes=150_000)
    costs = run.costs(220)
    assert (costs.collect_us, costs.cpu_us, costs.wire_bytes, costs.log_bytes) == pytest.approx((20, 200, 800, 150))
    (row,) = result([run]).rows
    assert [float(cell.replace(",", "")) for cell in row] == pytest.approx([1, 20, 20, 100, 60, 200, 2000, 0.4, 2000])


def test_the_page_is_written_from_the_model() -> None:
    text = table(COSTS, GIVEN, (1e8, 1e10))
    assert text.splitlines()[0] == "| | 100 M | 10,000 M |"
    assert "| `process` | 2 | 70 |" in text


def test_the_page_shows_what_the_model_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every number of its last table, rounded there as here."""
    main(["--loads", "1e8", "1e10"])
    told = {
        cells[1]: cells[2:4] for line in capsys.readouterr().out.splitlines() if len(cells := [one.strip() for one in line.split("|")]) > 3
    }
    page = PAGE.read_text().partition("## What it says")[2]
    shown = {cells[1]: cells[2:4] for line in page.splitlines() if len(cells := [one.strip() for one in line.split("|")]) > 3}
    whole = (
        "at the busiest, a second",
        "`collect`",
        "brokers",
        "partitions of `otlp_spans`",
        "`process`",
        "ClickHouse shards, nodes",
        "cores",
        "USD a month",
    )
    assert {name: shown[name] for name in whole} == {name: told[name] for name in whole}
