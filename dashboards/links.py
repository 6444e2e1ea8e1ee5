"""Links of panels, columns and dashboards; every address of ours is written here."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models.dashboard import DashboardLink, DashboardLinkType

TAG: Final = "mission-control"
_RANGE: Final = "${__url_time_range}&${project:queryparam}"


def to_board(uid: str, title: str, values: Mapping[str, str] | None = None) -> DashboardLink:
    """To another dashboard with the same range and project; `values` are further variables and where their values come from."""
    chosen = "".join(f"&var-{name}={value}" for name, value in (values or {}).items())
    return DashboardLink(title=title, url=f"/d/{uid}?{_RANGE}{chosen}", type_val=DashboardLinkType.LINK)


VALUE: Final = "${__value.raw}"

THREAD_LINKS: Final = (
    to_board("mc-thread", "Open the thread", {"thread": VALUE}),
    DashboardLink(
        title="Open in the console",
        url="${console:raw}/#/threads/${__value.raw}?project=${project:percentencode}",
        type_val=DashboardLinkType.LINK,
        target_blank=True,
    ),
)
"""For columns that hold a thread's id."""


def board_menu() -> DashboardLink:
    """The list of our dashboards in the head of each."""
    return DashboardLink(
        title="Mission Control", type_val=DashboardLinkType.DASHBOARDS, tags=[TAG], as_dropdown=True, include_vars=True, keep_time=True
    )


def console_home() -> DashboardLink:
    return DashboardLink(
        title="Console", type_val=DashboardLinkType.LINK, icon="external link", url="${console:raw}/#/threads?project=${project:percentencode}",
        target_blank=True,
    )  # fmt: skip
