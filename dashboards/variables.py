"""What people choose at the head of a dashboard: project, then MCP server, then thread."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
    VariableType,
)

from dashboards.query import PROJECT, SOURCE_TYPE, source, tidy

ALL: Final = "$__all"


def _query(name: str, label: str, description: str, sql: str) -> VariableModel:
    text = tidy(sql)
    return VariableModel(
        type_val=VariableType.QUERY, name=name, label=label, description=description, datasource=source(),
        query={"refId": name, "rawSql": text, "queryType": "table", "format": 1, "editorType": "sql", "pluginType": SOURCE_TYPE},
        definition=text, refresh=VariableRefresh.ON_TIME_RANGE_CHANGED, sort=VariableSort.DISABLED, current=VariableOption(text="", value=""),
    )  # fmt: skip


def project() -> VariableModel:
    return _query(
        "project", "Project", "The tenant whose records are shown.",
        "SELECT DISTINCT project FROM mission_control.threads WHERE $__timeFilter(last_seen_at) ORDER BY project",
    )  # fmt: skip


def own_project() -> VariableModel:
    """The projects to which Mission Control's own metrics are sent."""
    return _query(
        "project", "Project", "Where Mission Control's own metrics are sent.",
        """SELECT DISTINCT project FROM mission_control.otel_metrics_gauge
        WHERE MetricName = 'mission_control_log_backlog_bytes' AND $__timeFilter(TimeUnix) ORDER BY project""",
    )  # fmt: skip


def mcp() -> VariableModel:
    """All of them, or some."""
    chosen = _query(
        "mcp", "MCP server", "Only what was served by these.",
        f"""SELECT DISTINCT arrayJoin(mcp_ids) AS mcp FROM mission_control.threads
        WHERE {PROJECT} AND $__timeFilter(last_seen_at) AND notEmpty(mcp_ids) ORDER BY mcp""",
    )  # fmt: skip
    chosen.include_all, chosen.multi = True, True
    chosen.current = VariableOption(text=["All"], value=[ALL])
    return chosen


def thread() -> VariableModel:
    return _query(
        "thread", "Thread", "One conversation, session or run.",
        f"""SELECT thread_id AS id, concat(name, ' - ', formatDateTime(started_at, '%F %T')) AS label FROM mission_control.threads
        WHERE {PROJECT} AND $__conditionalAll(hasAny(mcp_ids, [${{mcp:singlequote}}]), $mcp) AND kind != 'trace' AND $__timeFilter(last_seen_at)
        ORDER BY started_at DESC LIMIT 500""",
    )  # fmt: skip


def search() -> VariableModel:
    return VariableModel(
        type_val=VariableType.TEXTBOX, name="search", label="Search", description="Only what contains this text.", query="",
        current=VariableOption(text="", value=""),
    )  # fmt: skip


def console() -> VariableModel:
    """Where links into the console lead; set it in the provisioned file or in the address of the dashboard."""
    address = "http://127.0.0.1:8000"
    return VariableModel(
        type_val=VariableType.TEXTBOX, name="console", label="Console", description="Address of Mission Control's own console.", query=address,
        hide=VariableHide.HIDE_VARIABLE, current=VariableOption(text=address, value=address),
    )  # fmt: skip
