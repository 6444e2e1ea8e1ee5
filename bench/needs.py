"""What a load needs: from events a day and what one event costs to brokers, partitions, processors, shards, disks and money.

Pure arithmetic over measured costs (`python -m bench.partitions`) and stated assumptions; `docs/scaling.md` is written with it: `python -m bench.needs`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

DAY_SECONDS: Final = 86_400
MONTH_DAYS: Final = 30
GB: Final = 1e9
TOGETHER: Final = 2
"""So many processors cost no more than one, as measured."""


@dataclass(frozen=True)
class Costs:
    """Of one event (a span as agents send it). CPU in µs, sizes in bytes.

    `process_us` is the processor's own, `store_us` what ClickHouse does for its inserts, merges and the summaries' queries.
    `log_bytes` lie in Kafka, compressed, on each replica; `stored_bytes` in all tables, merged, on each replica.
    """

    collect_us: float
    kafka_us: float
    process_us: float
    store_us: float
    wire_bytes: float
    log_bytes: float
    stored_bytes: float

    @property
    def cpu_us(self) -> float:
        return self.collect_us + self.kafka_us + self.process_us + self.store_us

    def shared_by(self, processors: int, spread: float) -> "Costs":
        """More than two processors ask the store more often than one would, each about fewer traces."""
        if processors <= TOGETHER:
            return self
        return replace(self, process_us=self.process_us * spread, store_us=self.store_us * spread)


MEASURED: Final = Costs(18.3, 68.3, 258, 217, 835, 109, 222)
"""One processor, one partition; bytes of the tables as in docs/capacity.md."""


@dataclass(frozen=True)
class Assumptions:
    """What the operator decides or pays; every one is named in `docs/scaling.md`."""

    peak: float = 3.0
    """Busiest minute over the day's mean."""
    busy: float = 0.5
    """Share of a core that planned work may take: the rest is for restarts, catching up, and neighbours."""
    spread: float = 1.4
    """By how much a span costs processors and the store more when there are several, each with rounds of its own; measured with four."""
    processor_cores: float = 1.0
    """What one processor can use: its Python runs on one core, the engine's work is elsewhere."""
    node_cores: int = 16
    """Of a ClickHouse node; a quarter of them is kept for readers."""
    readers: float = 0.25
    node_disk_bytes: float = 8e12
    broker_disk_bytes: float = 4e12
    broker_bytes_per_second: float = 50e6
    """What one broker takes from producers and from other brokers, half of what its network gives."""
    disk_free: float = 0.25
    log_replicas: int = 3
    log_days: float = 3.0
    store_replicas: int = 2
    store_days: float = 30.0
    usd_core_hour: float = 0.04
    usd_gb_month: float = 0.08
    """Of a disk that a machine has."""


@dataclass(frozen=True)
class Needs:
    """Whole machines, processes and partitions; disks in bytes, over all replicas."""

    per_day: float
    peak_per_second: float
    collectors: int
    partitions: int
    processors: int
    brokers: int
    shards: int
    store_nodes: int
    log_disk_bytes: float
    store_disk_bytes: float
    cores: float
    usd_month: float

    @property
    def usd_million(self) -> float:
        """Of a million events."""
        return self.usd_month / (self.per_day * MONTH_DAYS / 1e6)


def needs(per_day: float, costs: Costs, given: Assumptions) -> Needs:
    """At the least two of everything that answers and three brokers: so that one may die."""
    peak = per_day / DAY_SECONDS * given.peak

    def cores(cost_us: float) -> float:
        return peak * cost_us / 1e6 / given.busy

    costs = costs.shared_by(ceil(cores(costs.process_us) / given.processor_cores), given.spread)
    collectors = max(2, ceil(cores(costs.collect_us)))
    processors = max(2, ceil(cores(costs.process_us) / given.processor_cores))
    log_disk = per_day * given.log_days * costs.log_bytes * given.log_replicas * (1 + given.disk_free)
    store_disk = per_day * given.store_days * costs.stored_bytes * given.store_replicas * (1 + given.disk_free)
    brokers = max(
        3,
        ceil(peak * costs.log_bytes * given.log_replicas / given.broker_bytes_per_second),
        ceil(log_disk / given.broker_disk_bytes),
    )
    # A replica merges what the other inserted, so each does nearly the whole work of its shard.
    writing = cores(costs.store_us) / (given.node_cores * (1 - given.readers))
    shards = max(1, ceil(writing), ceil(store_disk / given.store_replicas / given.node_disk_bytes))
    nodes = shards * given.store_replicas
    total = collectors + processors + max(brokers * 2, ceil(cores(costs.kafka_us) * given.log_replicas)) + nodes * given.node_cores
    usd = total * given.usd_core_hour * 24 * MONTH_DAYS + (log_disk + store_disk) / GB * given.usd_gb_month
    # Twice as many partitions as processors: more processors later without moving keys, and halves when one dies.
    partitions = max(6, 2 * processors)
    return Needs(per_day, peak, collectors, partitions, processors, brokers, shards, nodes, log_disk, store_disk, total, usd)


def per_second(costs: Costs, processors: int, machine_cores: float, given: Assumptions) -> float:
    """What a run on one machine reaches: all stages share its cores, and a processor uses one at most."""
    shared = costs.shared_by(processors, given.spread)
    return min(machine_cores * 1e6 / shared.cpu_us, processors * given.processor_cores * 1e6 / shared.process_us)


def table(costs: Costs, given: Assumptions, loads: tuple[float, ...]) -> str:
    """As `docs/scaling.md` shows it."""
    rows = [needs(load, costs, given) for load in loads]
    lines = [
        ("events a day", [f"{row.per_day:,.0f}" for row in rows]),
        ("at the busiest, a second", [f"{row.peak_per_second:,.0f}" for row in rows]),
        ("`collect`", [f"{row.collectors:,}" for row in rows]),
        ("brokers", [f"{row.brokers:,}" for row in rows]),
        ("partitions of `otlp_spans`", [f"{row.partitions:,}" for row in rows]),
        ("`process`", [f"{row.processors:,}" for row in rows]),
        ("ClickHouse shards, nodes", [f"{row.shards:,}, {row.store_nodes:,}" for row in rows]),
        ("disks of the brokers", [f"{row.log_disk_bytes / 1e12:,.2f} TB" for row in rows]),
        ("disks of ClickHouse", [f"{row.store_disk_bytes / 1e12:,.1f} TB" for row in rows]),
        ("cores", [f"{row.cores:,.0f}" for row in rows]),
        ("USD a month", [f"{row.usd_month:,.0f}" for row in rows]),
        ("USD for a million events", [f"{row.usd_million:,.3f}" for row in rows]),
    ]
    head = "| | " + " | ".join(f"{load / 1e6:,.0f} M" for load in loads) + " |\n| --- |" + " --- |" * len(loads)
    return "\n".join([head, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in lines)])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.needs", description="What loads need, by the model of docs/scaling.md.")
    parser.add_argument("--loads", type=float, nargs="+", default=(1e8, 1e10), help="events a day")
    print(table(MEASURED, Assumptions(), tuple(parser.parse_args(arguments).loads)))


if __name__ == "__main__":
    main()
