"""(a) Ingest with every derived table: from the first HTTP byte until rows and summaries are complete."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import processes
from bench.generator import Generator, send
from bench.sender import Plan, Sent
from bench.system import Samples, System, running
from bench.tables import Result, Table, number

WARM_UP: Final = 5_000
COMPLETE_SECONDS: Final = 300.0
STAGES: Final = (
    ("receive, HTTP byte to answer", "otlp_request_seconds", ("spans",)),
    ("append to the log, durable", "log_append_seconds", ("otlp_spans",)),
    ("map", "pipeline_map_seconds", ("spans",)),
    ("insert", "pipeline_insert_seconds", ()),
    ("summaries, a round", "summary_round_seconds", ("round",)),
    ("hourly rollups", "summary_round_seconds", ("rollup",)),
)
"""(name, metric, values of its first label; none: one line for each)."""


@dataclass(frozen=True)
class Ingested:
    """One load, complete. `seconds` and `cpu` go from its first byte to its last summary; `cpu` is the server's alone."""

    per_request: int
    sent: Sent
    seconds: float
    cpu: float
    stages: Sequence[tuple[str, float, float]]
    """(stage, calls, seconds)"""
    threads: Mapping[str, float] = field(default_factory=dict)
    """CPU seconds by name of thread."""

    @property
    def per_cpu_second(self) -> float:
        return self.sent.records / self.cpu


def ingest(system: System, plan: Plan, before: tuple[int, int]) -> Ingested:
    """Send a load and wait until it is visible to the last step. `before`: spans and steps that are there already."""
    with Generator(plan) as generator:
        generator.wait_ready()
        threads = processes.cpu_by_thread(system.info.pid)
        samples, cpu, began = system.samples(), system.cpu_seconds(), time.monotonic()
        generator.go()
        sent = generator.result(timeout=600)
        system.wait_for(before[0] + sent.records, before[1] + sent.steps, COMPLETE_SECONDS)
        seconds, cpu = time.monotonic() - began, system.cpu_seconds() - cpu
        used = {name: value - threads.get(name, 0.0) for name, value in processes.cpu_by_thread(system.info.pid).items()}
    return Ingested(plan.per_request, sent, seconds, cpu, stages(samples, system.samples()), used)


def stages(before: Samples, after: Samples) -> list[tuple[str, float, float]]:
    lines = []
    for name, metric, labels in STAGES:
        for label in labels or sorted(label for key, label in after if key == f"{metric}_sum"):
            calls, seconds = (_grown(before, after, f"{metric}_{kind}", label) for kind in ("count", "sum"))
            if calls:
                lines.append((name if labels else f"{name} {label}", calls, seconds))
    return lines


def _grown(before: Samples, after: Samples, name: str, label: str) -> float:
    return after.get((name, label), 0.0) - before.get((name, label), 0.0)


def warm_up(system: System) -> tuple[int, int]:
    """Everything is imported and used once; returns the spans and steps that are visible then."""
    sent = send(Plan(system.traces_url, WARM_UP, seed=1, prefix="warm"))
    system.wait_for(sent.records, sent.steps, COMPLETE_SECONDS)
    processes.settle([system.info.pid], 20)
    return system.counts()


def run(spans: int, sizes: Sequence[tuple[int, float]] = ((256, 1.0), (50, 0.5), (10, 0.2))) -> list[Ingested]:
    """On a fresh system, the sizes of request one after the other, each with its share of the spans."""
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as directory, running(Path(directory) / "data") as system:
        done = warm_up(system)
        runs = []
        for seed, (per_request, share) in enumerate(sizes, start=10):
            plan = Plan(system.traces_url, int(spans * share), per_request, seed=seed, prefix=f"I{per_request}")
            runs.append(ingest(system, plan, done))
            done = system.counts()
    return runs


def result(runs: Sequence[Ingested]) -> Result:
    return Result([_rates(runs), _stages(runs[0]), _threads(runs[0])])


def _rates(runs: Sequence[Ingested]) -> Table:
    head = ("spans a request", "spans", "bytes a span", "acknowledged /s", "complete /s", "per CPU-second", "CPU µs a span", "refused")
    rows = []
    for run in runs:
        sent = run.sent
        rates = (sent.bytes / sent.records, sent.records / sent.seconds, sent.records / run.seconds, run.per_cpu_second)
        rows.append([str(run.per_request), number(sent.records), *map(number, (*rates, run.cpu / sent.records * 1e6, sent.refused))])
    return Table("ingest", "Ingest, every derived table and every summary included", head, rows)


def _stages(run: Ingested) -> Table:
    rows = [[name, number(calls), number(seconds), number(seconds / run.sent.records * 1e6)] for name, calls, seconds in run.stages]
    note = "Wall time as the system's own metrics say; stages overlap, and wait for each other and for cores."
    return Table(
        "ingest-stages", f"Where the time goes, {run.per_request} spans a request", ("stage", "times", "s", "µs a span"), rows, note
    )


def _threads(run: Ingested) -> Table:
    """The engine works on threads of its own and on those that call it."""
    named = sorted(run.threads.items(), key=lambda item: -item[1])
    rows = [[name, number(cpu), number(cpu / run.sent.records * 1e6)] for name, cpu in named if cpu >= run.cpu / 100]
    gone = run.cpu - sum(run.threads.values())
    rows.append(["threads that ended, and rounding", number(max(gone, 0.0)), number(max(gone, 0.0) / run.sent.records * 1e6)])
    note = "The event loop receives and serves; `python` are the pipeline's threads with what they ask of the engine; the others are the engine's own."
    return Table("ingest-threads", f"CPU by thread, {run.per_request} spans a request", ("thread", "CPU s", "µs a span"), rows, note)
