"""Objectives and how fast their error budgets burn."""

from dashboards.board import Board, Row
from dashboards.links import to_board
from dashboards.objectives import OBJECTIVES, burn_over_time, burn_rates, compliance
from dashboards.panels import Column, Look, figure, rows, series
from dashboards.variables import console, project


def board() -> Board:
    return Board(
        "mc-slos",
        "SLOs and burn rates",
        "Objectives for threads, tools, models and ingest: what was kept, what is left of the budget, how fast it burns.",
        (project(), console()),
        (_kept(), _table(), _burning()),
        since="now-7d",
        refresh="5m",
    )


def _kept() -> Row:
    return Row(
        "Kept",
        5,
        [
            figure(
                objective.title,
                objective.description,
                compliance(objective),
                Look("percentunit", (objective.target, objective.target - 3 * (1 - objective.target)), high=1),
            )
            for objective in OBJECTIVES
        ],
    )


def _table() -> Row:
    columns = [
        Column("target", "percentunit"),
        Column("budget_left", "percentunit", thresholds=(0.5, 0.1)),
        *(Column(name, thresholds=(1, 6)) for name in ("burn_1h", "burn_6h", "burn_3d")),
    ]
    return Row(
        "Burn rates",
        7,
        (
            rows(
                "Burn rates",
                "1 means that the budget of thirty days lasts exactly thirty days; windows end now.",
                burn_rates(),
                Look("none", columns=columns),
            ),
        ),
    )


def _burning() -> Row:
    links = (to_board("mc-errors", "Errors and latency"),)
    return Row(
        "Over time",
        8,
        [
            series(
                f"Burn: {objective.title}",
                "Budget spent per time, in multiples of what thirty days allow.",
                burn_over_time(objective),
                Look("none", (1, 14.4), links),
            )
            for objective in OBJECTIVES
        ],
    )
