"""(f) What each panel of the dashboards costs on the data set: a short range that reads single records, and a quarter of a year.

The queries are asked as Grafana asks them, macros and frames included, by the program that the tests use.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.dataset import PREFIX, Dataset
from bench.errors import PanelError, PeerMissingError
from bench.processes import settle
from bench.quantiles import quantile
from bench.system import System, running
from bench.tables import Figure, Result, Table, milliseconds, number
from dashboards.files import dashboard_files
from tests.dashboards.grafana_queries import Answer, Job, Page, panel_jobs, run
from tests.dashboards.program import built

TIMES: Final = 3
"""Each panel is asked so often; the best counts, because others may be at work on the machine."""
SLOWEST: Final = 15
RANGES: Final = {"6 hours": (timedelta(hours=6), 60_000), "90 days": (timedelta(days=90), 7_200_000)}
"""Length, and milliseconds between two points as a page of usual width has them."""


@dataclass(frozen=True)
class Cost:
    """One panel over one range. `seconds` is the best, `cpu` the server's in the mean."""

    name: str
    span: str
    seconds: float
    cpu: float


def measure(dataset: Dataset) -> Result:
    """Raises PeerMissingError without Go, PanelError when a query fails."""
    go = shutil.which("go")
    if go is None:
        raise PeerMissingError("panelrun", "it needs Go")
    program = built(go)
    jobs = [job for model in dashboard_files().values() for job in panel_jobs(model)]
    with running(dataset.data) as system:
        settle([system.info.pid])
        pages = _pages(system)
        costs = [_cost(system, program, job, span, page) for span, page in pages.items() for job in jobs]
    return Result(_tables(dataset, costs), _figures(dataset, costs))


def _pages(system: System) -> dict[str, Page]:
    """Ranges that end with the newest thread of the data set, however long ago it was built."""
    [newest] = system.sql(
        f"SELECT thread_id, toUnixTimestamp(last_seen_at) AS at FROM threads WHERE thread_id LIKE '{PREFIX}-%' ORDER BY at DESC LIMIT 1"
    )
    until = datetime.fromtimestamp(int(newest["at"]), UTC)
    chosen = {"project": "default", "mcp": "$__all", "thread": newest["thread_id"], "search": "", "console": system.info.console}
    return {span: Page(until - length, until, step, chosen) for span, (length, step) in RANGES.items()}


def _cost(system: System, program: Path, job: Job, span: str, page: Page) -> Cost:
    port = int(system.info.sql.rsplit(":", 1)[1].rstrip("/"))
    cpu = system.cpu_seconds()
    answers: Sequence[Answer] = run(program, port, [job] * TIMES, page)
    if failed := [answer.error for answer in answers if answer.error]:
        raise PanelError(f"{job.name}, {span}", failed[0])
    return Cost(job.name, span, min(answer.ms for answer in answers) / 1e3, (system.cpu_seconds() - cpu) / TIMES)


def _tables(dataset: Dataset, costs: Sequence[Cost]) -> list[Table]:
    spreads = []
    for span in RANGES:
        seconds = sorted(cost.seconds for cost in costs if cost.span == span)
        cpu = sum(cost.cpu for cost in costs if cost.span == span)
        spreads.append(
            [
                span,
                str(len(seconds)),
                *(milliseconds(quantile(seconds, share)) for share in (0.5, 0.95, 1)),
                milliseconds(cpu / len(seconds)),
            ]
        )
    slowest = sorted(costs, key=lambda cost: -cost.seconds)[:SLOWEST]
    rows = [[cost.name, cost.span, milliseconds(cost.seconds), milliseconds(cost.cpu)] for cost in slowest]
    note = f"The best of {TIMES} times, one after the other, from the question to the frames; CPU is the server's, in the mean."
    title = f"Panels at {number(dataset.spans)} spans"
    return [
        Table("panels", title, ("range", "panels", "p50 ms", "p95 ms", "highest ms", "CPU ms, mean"), spreads, note),
        Table("panels-slowest", f"{title}, the slowest", ("panel", "range", "ms", "CPU ms"), rows),
    ]


def _figures(dataset: Dataset, costs: Sequence[Cost]) -> list[Figure]:
    figures = []
    for span in RANGES:
        seconds = sorted(cost.seconds for cost in costs if cost.span == span)
        figures.append(Figure(f"panels over {span}, {number(dataset.spans)} spans, p95", quantile(seconds, 0.95) * 1e3, "ms", "most", 300))
    return figures
