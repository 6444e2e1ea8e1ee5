"""(f) What each panel of the dashboards costs on the data set: a short range that reads single records, and a quarter of a year.

The queries are asked as Grafana asks them, macros and frames included, by the program that the tests use. CPU time of the server
counts, because others may be at work on the machine; a query that fails is named, and the others go on.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.dataset import PREFIX, Dataset
from bench.errors import PanelsError, PeerMissingError
from bench.processes import settle
from bench.quantiles import quantile
from bench.system import System, running
from bench.tables import Figure, Result, Table, milliseconds, number
from dashboards.files import dashboard_files
from tests.dashboards.grafana_queries import Job, Page, panel_jobs, run
from tests.dashboards.program import built

TIMES: Final = 3
"""Each panel is asked so often; the best counts."""
SLOWEST: Final = 15
RANGES: Final = {"6 hours": (timedelta(hours=6), 60_000), "90 days": (timedelta(days=90), 7_200_000)}
"""Length, and milliseconds between two points as a page of usual width has them."""


@dataclass(frozen=True)
class Cost:
    """One query of a panel over one range, each the best: `seconds` until its frames, `cpu` seconds of the server. `error` when it failed once."""

    name: str
    span: str
    seconds: float = 0.0
    cpu: float = 0.0
    error: str = ""


def measure(dataset: Dataset) -> Result:
    """Raises PeerMissingError without Go, PanelsError with the report when queries fail."""
    go = shutil.which("go")
    if go is None:
        raise PeerMissingError("panelrun", "it needs Go")
    program = built(go)
    jobs = [job for model in dashboard_files().values() for job in panel_jobs(model)]
    with running(dataset.data) as system:
        settle([system.info.pid])
        pages = _pages(system)
        costs = [cost_of(system, program, job, span, page) for span, page in pages.items() for job in jobs]
    return report(dataset.spans, costs)


def report(spans: int, costs: Sequence[Cost]) -> Result:
    """Raises PanelsError, with the same, when a query failed or none was answered over a range."""
    failed = [cost for cost in costs if cost.error]
    answered = [cost for cost in costs if not cost.error]
    silent = [span for span in RANGES if not any(cost.span == span for cost in answered)]
    result = Result(_tables(spans, answered), _figures(spans, answered)) if not silent else Result([])
    if failed:
        raise PanelsError([f"{cost.name}, {cost.span}: {cost.error}" for cost in failed], result)
    return result


def _pages(system: System) -> dict[str, Page]:
    """Ranges that end with the newest thread of the data set, however long ago it was built."""
    [newest] = system.sql(
        f"SELECT thread_id, toUnixTimestamp(last_seen_at) AS at FROM threads WHERE thread_id LIKE '{PREFIX}-%' ORDER BY at DESC LIMIT 1"
    )
    until = datetime.fromtimestamp(int(newest["at"]), UTC)
    chosen = {"project": "default", "mcp": "$__all", "thread": newest["thread_id"], "search": "", "console": system.info.console}
    return {span: Page(until - length, until, step, chosen) for span, (length, step) in RANGES.items()}


def cost_of(system: System, program: Path, job: Job, span: str, page: Page) -> Cost:
    """Asked one by one, so that the CPU time of each is known."""
    port = int(system.info.sql.rsplit(":", 1)[1].rstrip("/"))
    seconds, cpu = [], []
    for _ in range(TIMES):
        before = system.cpu_seconds()
        try:
            (answer,) = run(program, port, [job], page)
        except subprocess.SubprocessError as error:
            return Cost(job.name, span, error=f"{error} {_said(error)}".strip())
        if answer.error:
            return Cost(job.name, span, error=answer.error)
        seconds.append(answer.ms / 1e3)
        cpu.append(system.cpu_seconds() - before)
    return Cost(job.name, span, min(seconds), min(cpu))


def _said(error: subprocess.SubprocessError) -> str:
    return str(getattr(error, "stderr", None) or "")[-300:]


def _tables(spans: int, costs: Sequence[Cost]) -> list[Table]:
    spreads = []
    for span in RANGES:
        seconds, cpu = (sorted(values) for values in zip(*((cost.seconds, cost.cpu) for cost in costs if cost.span == span), strict=True))
        quantiles = [milliseconds(quantile(values, share)) for values in (cpu, seconds) for share in (0.5, 0.95, 1)]
        spreads.append([span, str(len(cpu)), *quantiles])
    slowest = sorted(costs, key=lambda cost: -cost.cpu)[:SLOWEST]
    rows = [[cost.name, cost.span, milliseconds(cost.cpu), milliseconds(cost.seconds)] for cost in slowest]
    note = f"The best of {TIMES} times, one after the other: CPU time of the server, and the time from the question to the frames."
    title = f"Panels at {number(spans)} spans"
    head = ("range", "panels", "CPU p50 ms", "CPU p95 ms", "CPU highest ms", "p50 ms", "p95 ms", "highest ms")
    return [
        Table("panels", title, head, spreads, note),
        Table("panels-slowest", f"{title}, the dearest", ("panel", "range", "CPU ms", "ms"), rows),
    ]


def _figures(spans: int, costs: Sequence[Cost]) -> list[Figure]:
    figures = []
    for span in RANGES:
        cpu = sorted(cost.cpu for cost in costs if cost.span == span)
        figures.append(Figure(f"panels over {span}, {number(spans)} spans, p95 of CPU", quantile(cpu, 0.95) * 1e3, "ms", "most", 300))
    return figures
