"""Service level objectives: what is good, of how many, and which share of it is promised over thirty days."""

from dataclasses import dataclass
from typing import Final

from dashboards.query import PROJECT


@dataclass(frozen=True)
class Objective:
    """`good` is a condition and `at` the time of one row of `view` that `where` lets count; `target` the promised share."""

    name: str
    title: str
    description: str
    view: str
    at: str
    where: str
    good: str
    target: float


OBJECTIVES: Final = (
    Objective(
        "threads",
        "Threads end well",
        "99 % of ended threads do not fail.",
        "threads",
        "started_at",
        "status IN ('complete', 'error') AND kind != 'trace'",
        "status = 'complete'",
        0.99,
    ),
    Objective(
        "tools",
        "Tools answer",
        "99 % of tool calls succeed within ten seconds.",
        "execution_steps",
        "started_at",
        "type = 'tool_call' AND status != 'running'",
        "status != 'error' AND duration_ms < 10000",
        0.99,
    ),
    Objective(
        "models",
        "Models answer",
        "99.5 % of LLM calls succeed within sixty seconds.",
        "execution_steps",
        "started_at",
        "type = 'llm_call' AND status != 'running'",
        "status != 'error' AND duration_ms < 60000",
        0.995,
    ),
    Objective(
        "ingest",
        "Records are seen",
        "99.9 % of the minutes with records store all of them within a second.",
        "ingest_ledger",
        "minute",
        "received > 0",
        "lag_ms_max < 1000 AND rejected = 0",
        0.999,
    ),
)


def _bad(objective: Objective) -> str:
    return f"countIf(NOT ifNull({objective.good}, 0)) / greatest(count(), 1)"


def _counted(objective: Objective) -> str:
    return f"FROM mission_control.{objective.view} WHERE {PROJECT} AND {objective.where}"


def compliance(objective: Objective) -> str:
    return f"SELECT 1 - {_bad(objective)} AS kept {_counted(objective)} AND $__timeFilter({objective.at})"


def burn_over_time(objective: Objective) -> str:
    return f"""
        SELECT $__timeInterval({objective.at}) AS time, {_bad(objective)} / {1 - objective.target:.4f} AS burn
        {_counted(objective)} AND $__timeFilter({objective.at}) GROUP BY time ORDER BY time"""


def burn(objective: Objective, window: str, where: str) -> str:
    """The burn rate of the window that ends with the range, e.g. of `1 HOUR`: a scalar expression over rows of its view."""
    inside = f"{objective.at} >= $__toTime - INTERVAL {window} AND {where}"
    return f"countIf({inside} AND NOT ifNull({objective.good}, 0)) / greatest(countIf({inside}), 1) / {1 - objective.target:.4f}"


def burn_rates() -> str:
    """One row for each objective."""
    return "\nUNION ALL\n".join(
        f"""
        SELECT '{objective.title}' AS objective, {objective.target} AS target, 1 - {burn(objective, "30 DAY", "1")} AS budget_left,
            {burn(objective, "1 HOUR", "1")} AS burn_1h, {burn(objective, "6 HOUR", "1")} AS burn_6h, {burn(objective, "3 DAY", "1")} AS burn_3d
        {_counted(objective)} AND {objective.at} >= $__toTime - INTERVAL 30 DAY AND {objective.at} <= $__toTime"""
        for objective in OBJECTIVES
    )
