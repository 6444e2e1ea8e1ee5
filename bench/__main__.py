"""`python -m bench`: every measurement, or some; prints tables and writes them into `docs/benchmarks.md`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench import api, collector, comparison, dialects, document, ingest, latency, long, machine, panels, standing, steady, through_kafka
from bench.dataset import Dataset, place, prepared
from bench.errors import BenchError, PanelsError
from bench.tables import Result, Table, figures_table, text

PAGE: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Sizes:
    """How much of everything: spans of the ingest measurement and of the data set, probes, seconds, intervals, long threads."""

    ingest: int
    dataset: int
    probes: int
    api: float
    rest: float
    intervals: int
    interval: float
    long_spans: int = 100_000
    long_calls: int = 5_000


USUAL: Final = Sizes(100_000, 1_000_000, 150, 60.0, 30.0, 10, 60.0)
QUICK: Final = Sizes(20_000, 50_000, 40, 15.0, 10.0, 3, 20.0, 5_000, 500)
FULL_DATASET: Final = 10_000_000
NAMES: Final = ("ingest", "dialects", "latency", "steady", "disk", "memory", "api", "panels")
AROUND_KAFKA: Final = ("collector", "kafka")
"""Measured when named: these need Java, and the first what `make collector` builds."""
WHEN_NAMED: Final = (*AROUND_KAFKA, "long")
"""The last takes a quarter of an hour."""


class Run:
    """One call of the command; the data set is built when the first measurement needs it."""

    def __init__(self, sizes: Sizes, root: Path, peers: bool) -> None:
        self._sizes, self._root, self._peers = sizes, root, peers
        self._dataset: Dataset | None = None

    def measurements(self) -> dict[str, Callable[[], Result]]:
        sizes = self._sizes
        return {
            "ingest": self._ingest,
            "dialects": dialects.measure,
            "latency": lambda: latency.measure(sizes.probes),
            "steady": lambda: steady.measure(sizes.intervals, sizes.interval),
            "disk": lambda: standing.disk(self._data()),
            "memory": lambda: standing.memory(self._data(), sizes.rest),
            "api": lambda: api.measure(self._data(), sizes.api),
            "panels": lambda: panels.measure(self._data()),
            "long": lambda: long.measure(sizes.long_spans, sizes.long_calls),
            "collector": lambda: collector.measure(sizes.ingest),
            "kafka": lambda: through_kafka.measure(sizes.probes),
        }

    def _ingest(self) -> Result:
        runs = ingest.run(self._sizes.ingest)
        result = ingest.result(runs)
        if not self._peers:
            return result
        beside = comparison.measure(runs[0], self._sizes.ingest)
        return Result([*result.tables, *beside.tables], beside.figures)

    def _data(self) -> Dataset:
        if self._dataset is None:
            print(f"building a data set of {self._sizes.dataset:,} spans, unless it is there", flush=True)
            self._dataset = prepared(self._root, self._sizes.dataset)
        return self._dataset


def run(measurements: dict[str, Callable[[], Result]], wanted: Sequence[str]) -> tuple[list[Table], list[str]]:
    """(tables of what was measured, errors of what could not be)."""
    tables: list[Table] = []
    errors: list[str] = []
    for name in wanted:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        try:
            result, error = _measured(measurements[name])
        except (BenchError, httpx.HTTPError, OSError) as failure:
            errors.append(f"{name}: {type(failure).__name__}: {failure}")
            print(errors[-1], flush=True)
            continue
        if error:
            errors.append(f"{name}: {error}")
            print(errors[-1], flush=True)
        found = [*result.tables, *([figures_table(f"figures-{name}", result.figures)] if result.figures else [])]
        print("\n\n".join(text(table) for table in found), f"\n({time.monotonic() - began:.0f} s)\n", flush=True)
        tables += found
    return tables, errors


def _measured(measurement: Callable[[], Result]) -> tuple[Result, str]:
    """(what was measured, what of it could not be)."""
    try:
        return measurement(), ""
    except PanelsError as error:
        return error.result, str(error)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", default=",".join(NAMES), help="some of " + ",".join((*NAMES, *WHEN_NAMED)) + "; without it all but the last three"
    )
    parser.add_argument("--peers", action="store_true", help="Rotel, Phoenix and MLflow get the same bytes, beside ingest")
    parser.add_argument("--quick", action="store_true", help="small sizes; the page is not written")
    parser.add_argument("--full", action="store_true", help=f"a data set of {FULL_DATASET:,} spans")
    parser.add_argument("--spans", type=int, help="of the ingest measurement")
    parser.add_argument("--data-spans", type=int, help="of the data set")
    parser.add_argument("--data", type=Path, help="where data sets are kept and found again; without it they go when the run ends")
    parser.add_argument("--no-write", action="store_true", help="leave docs/benchmarks.md as it is")
    options = parser.parse_args(arguments)
    options.wanted = [name for name in (*NAMES, *WHEN_NAMED) if name in options.only.split(",")]
    if unknown := set(options.only.split(",")) - {*NAMES, *WHEN_NAMED}:
        parser.error(f"--only knows {', '.join((*NAMES, *WHEN_NAMED))}, not {', '.join(sorted(unknown))}")
    return options


def sizes(options: argparse.Namespace) -> Sizes:
    usual = QUICK if options.quick else USUAL
    spans = options.data_spans or (FULL_DATASET if options.full else usual.dataset)
    return Sizes(
        options.spans or usual.ingest,
        spans,
        usual.probes,
        usual.api,
        usual.rest,
        usual.intervals,
        usual.interval,
        usual.long_spans,
        usual.long_calls,
    )


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 unless something could not be measured; a figure that is not reached is no error."""
    options = parse(arguments)
    with place(options.data) as root:
        tables, errors = run(Run(sizes(options), root, options.peers).measurements(), options.wanted)
    measured = machine.description()
    print(measured)
    if not (options.quick or options.no_write):
        PAGE.write_text(document.written(PAGE.read_text(encoding="utf-8"), tables, measured), encoding="utf-8")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
