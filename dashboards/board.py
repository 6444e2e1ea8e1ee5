"""A dashboard: panels in rows, put into places and numbered; variables and annotations as it needs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models import dashboard

from dashboards.annotations import annotations
from dashboards.links import TAG, board_menu, console_home

COLUMNS: Final = 24


@dataclass(frozen=True)
class Row:
    """Panels beside each other under a heading; `widths` in 24ths, equal when left out. `height` in units of 30 pixels."""

    title: str
    height: int
    panels: Sequence[dashboard.Panel]
    widths: Sequence[int] = ()

    @property
    def shares(self) -> Sequence[int]:
        return self.widths or [COLUMNS // len(self.panels)] * len(self.panels)


@dataclass(frozen=True)
class Board:
    """`uid` is what links name it by and never changes. `since` is its first range, e.g. now-24h."""

    uid: str
    title: str
    description: str
    variables: Sequence[dashboard.VariableModel]
    rows: Sequence[Row]
    since: str = "now-24h"
    refresh: str = "1m"

    def model(self) -> dashboard.Dashboard:
        return dashboard.Dashboard(
            uid=self.uid,
            title=self.title,
            description=self.description,
            tags=[TAG],
            timezone="utc",
            editable=False,
            graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
            time=dashboard.DashboardDashboardTime(from_val=self.since, to="now"),
            timepicker=dashboard.TimePickerConfig(refresh_intervals=["5s", "30s", "1m", "5m", "1h"]),
            refresh=self.refresh,
            panels=placed(self.rows),
            templating=dashboard.DashboardDashboardTemplating(list_val=list(self.variables)),
            annotations=dashboard.AnnotationContainer(list_val=annotations()),
            links=[board_menu(), console_home()],
            preload=False,
        )


def placed(rows: Sequence[Row]) -> list[dashboard.Panel | dashboard.RowPanel]:
    """Panels with numbers and places: rows below each other, panels from left to right."""
    result: list[dashboard.Panel | dashboard.RowPanel] = []
    top = 0
    for row in rows:
        heading = dashboard.GridPos(h=1, w=COLUMNS, x=0, y=top)
        result.append(dashboard.RowPanel(title=row.title, id_val=len(result) + 1, grid_pos=heading, panels=[]))
        left = 0
        for panel, width in zip(row.panels, row.shares, strict=True):
            panel.id_val = len(result) + 1
            panel.grid_pos = dashboard.GridPos(h=row.height, w=width, x=left, y=top + 1)
            result.append(panel)
            left += width
        top += 1 + row.height
    return result
