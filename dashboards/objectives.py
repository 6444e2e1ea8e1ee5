"""Service level objectives: what is good, of how many, and which share of it is promised over thirty days."""

from dataclasses import dataclass
from typing import Final

from dashboards.query import PROJECT, arrived_since
from dashboards.sources import BUCKET, HOURS_END, LONG

HOUR: Final = 3600
DAY: Final = 24 * HOUR
_RANGE: Final = ("$__fromTime", PROJECT, f"if({LONG}, {HOURS_END}, $__fromTime)")


@dataclass(frozen=True)
class Hours:
    """What `steps_hourly` counts of the same: steps of `type`, `good` of them well."""

    type: str
    good: str


@dataclass(frozen=True)
class Objective:
    """`good` is a condition and `at` the time of one row of `view` that `where` lets count; `target` the promised share.

    `hours` is where the same is counted already; without it all of the range is read from `view`.
    """

    name: str
    title: str
    description: str
    view: str
    at: str
    where: str
    good: str
    target: float
    hours: Hours | None = None


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
        Hours("tool_call", "under_10s"),
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
        Hours("llm_call", "under_60s"),
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


def counted(objective: Objective, since: str, project: str = "1", hours_end: str = HOURS_END) -> str:
    """Rows (project, at, bad, total) from `since` to the range's end, as a subquery: until `hours_end` counted hours, then single rows.

    `since` and `hours_end` are expressions of a time, `project` is a condition.
    """
    begin = since if objective.hours is None else f"greatest({since}, {hours_end})"
    arrived = "1" if objective.hours is None else arrived_since(begin)
    single = f"""
    SELECT project, toDateTime({objective.at}) AS at, toUInt64(NOT ifNull({objective.good}, 0)) AS bad, toUInt64(1) AS total
    FROM mission_control.{objective.view} WHERE {project} AND {arrived} AND {objective.where} AND {objective.at} >= {begin} AND {objective.at} <= $__toTime"""
    if objective.hours is None:
        return f"({single})"
    return f"""({single}
    UNION ALL
    SELECT project, hour, toUInt64(steps - running - {objective.hours.good}), toUInt64(steps - running)
    FROM mission_control.steps_hourly WHERE {project} AND type = '{objective.hours.type}' AND hour >= {since} AND hour < {hours_end})"""


def burn(objective: Objective, seconds: int) -> str:
    """The burn rate of the window of `seconds` that ends with the range: a scalar expression over `counted` rows."""
    inside = f"at >= $__toTime - {seconds}"
    return f"sumIf(bad, {inside}) / greatest(sumIf(total, {inside}), 1) / {1 - objective.target:.4f}"


def compliance(objective: Objective) -> str:
    return f"SELECT 1 - sum(bad) / greatest(sum(total), 1) AS kept FROM {counted(objective, *_RANGE)}"


def burn_over_time(objective: Objective) -> str:
    return f"""
        SELECT {BUCKET}, sum(bad) / greatest(sum(total), 1) / {1 - objective.target:.4f} AS burn
        FROM {counted(objective, *_RANGE)} GROUP BY time ORDER BY time"""


def burn_rates() -> str:
    """One row for each objective."""
    return "\nUNION ALL\n".join(
        f"""
        SELECT '{objective.title}' AS objective, {objective.target} AS target, 1 - {burn(objective, 30 * DAY)} AS budget_left,
            {burn(objective, HOUR)} AS burn_1h, {burn(objective, 6 * HOUR)} AS burn_6h, {burn(objective, 3 * DAY)} AS burn_3d
        FROM {counted(objective, f"$__toTime - {30 * DAY}", PROJECT)}"""
        for objective in OBJECTIVES
    )
