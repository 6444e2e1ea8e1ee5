"""Log lines of agents and servers."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS
from dashboards.panels import Column, Look, bars, log_lines, rows, series
from dashboards.query import MCP, PROJECT
from dashboards.variables import console, mcp, project, search

_LINES = f"""
FROM mission_control.logs
WHERE {PROJECT} AND {MCP} AND $__timeFilter(timestamp)
    AND $__conditionalAll(positionCaseInsensitive(concat(message, ' ', service, ' ', mcp_id, ' ', thread_id), ${{search:singlequote}}) > 0, $search)"""


def board() -> Board:
    return Board(
        "mc-logs",
        "Logs explorer",
        "Log lines by level, service and event, and the lines themselves.",
        (project(), mcp(), search(), console()),
        (_volume(), _lines(), _trouble()),
        since="now-6h",
    )


def _volume() -> Row:
    by_level = (
        f"SELECT $__timeInterval(timestamp) AS time, toString(level) AS level, count() AS lines {_LINES} GROUP BY time, level ORDER BY time"
    )
    by_service = f"SELECT toString(service) AS service, count() AS lines {_LINES} GROUP BY service ORDER BY lines DESC LIMIT 10"
    by_event = (
        f"SELECT toString(event_name) AS event, count() AS lines {_LINES} AND event_name != '' GROUP BY event ORDER BY lines DESC LIMIT 10"
    )
    return Row(
        "Volume",
        7,
        (
            series("Lines by level", "Log lines.", by_level, Look(), stacked=True),
            bars("Services", "Services by lines.", by_service, Look()),
            bars("Events", "Named events by lines.", by_event, Look()),
        ),
        (12, 6, 6),
    )


def _lines() -> Row:
    listed = f"""
        SELECT timestamp, message AS body, lower(level) AS level, trace_id AS traceID, service, thread_id AS thread, toString(mcp_id) AS mcp, context AS labels
        {_LINES} ORDER BY timestamp DESC LIMIT 1000"""
    return Row("Lines", 16, (log_lines("Lines", "The newest 1000 that match.", listed),))


def _trouble() -> Row:
    failing = f"""
        SELECT replaceRegexpAll(substring(message, 1, 200), '[0-9]+', '#') AS message, count() AS lines, max(timestamp) AS last, any(thread_id) AS thread
        {_LINES} AND level IN ('ERROR', 'WARN') GROUP BY message ORDER BY lines DESC LIMIT 50"""
    exceptions = f"SELECT timestamp AS at, thread_id AS thread, toString(service) AS service, exception {_LINES} AND exception != '' ORDER BY at DESC LIMIT 50"
    look = Look("none", columns=[Column("thread", links=THREAD_LINKS, width=200), Column("lines", gauge=True)])
    return Row(
        "Trouble",
        9,
        (
            rows("Warnings and errors", "Messages that differ only in numbers, together.", failing, look),
            rows("Exceptions", "The newest fifty with their stack traces.", exceptions, look),
        ),
    )
