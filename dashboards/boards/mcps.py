"""MCP servers and their tools."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import MCP, PROJECT
from dashboards.sources import APPROXIMATE, BUCKET, P50, P95, TOOL_CALLS, newest_steps
from dashboards.variables import console, mcp, project


def board() -> Board:
    return Board(
        "mc-mcps",
        "MCP servers and tools",
        "Calls, failures and durations of MCP servers and tools.",
        (project(), mcp(), console()),
        (_figures(), _servers(), _rates(), _tools(), _failures()),
    )


def _figures() -> Row:
    return Row(
        "In this range",
        4,
        (
            figure(
                "Servers",
                "MCP servers that were called.",
                f"SELECT uniqExact(mcp_id) AS servers FROM {TOOL_CALLS} WHERE mcp_id != ''",
                Look(links=(to_board("mc-relationships", "Relationship map"),)),
            ),
            figure("Calls", "Tool calls.", f"SELECT sum(calls) AS calls FROM {TOOL_CALLS}", Look()),
            figure(
                "Failed",
                "Share of tool calls that failed.",
                f"SELECT sum(errors) / greatest(sum(calls), 1) AS failed FROM {TOOL_CALLS}",
                Look("percentunit", (0.02, 0.1), links=(to_board("mc-errors", "Errors"),)),
            ),
            figure(
                "p95", f"95th percentile of duration. {APPROXIMATE}", f"SELECT {P95} AS p95 FROM {TOOL_CALLS}", Look("ms", (1000, 10_000))
            ),
        ),
    )


def _servers() -> Row:
    listed = f"""
        SELECT toString(mcp_id) AS server, toString(status) AS status, last_seen_at AS last_call, calls, errors, errors / greatest(calls, 1) AS failed,
            p50_ms AS p50, p95_ms AS p95,
            arrayStringConcat(tools, ', ') AS tools
        FROM mission_control.mcps WHERE {PROJECT} AND {MCP} ORDER BY calls DESC"""
    columns = [
        Column("server", links=(to_board("mc-logs", "Logs of this server", {"search": "${__value.raw}"}),)),
        Column("status", colored=True),
        Column("failed", "percentunit", thresholds=(0.02, 0.1)),
        Column("p50", "ms"),
        Column("p95", "ms", thresholds=(1000, 10_000)),
    ]
    return Row(
        "Servers",
        8,
        (
            rows(
                "Servers",
                "All servers ever seen; connected means called in the last five minutes. Durations are of the last seven days.",
                listed,
                Look(columns=columns),
            ),
        ),
    )


def _rates() -> Row:
    return Row(
        "Over time",
        8,
        (
            series(
                "Calls",
                "Tool calls by server.",
                f"SELECT {BUCKET}, toString(mcp_id) AS mcp, sum(calls) AS calls FROM {TOOL_CALLS} GROUP BY time, mcp ORDER BY time",
                Look(),
                stacked=True,
            ),
            series(
                "Failures",
                "Share of calls that failed, by server.",
                f"SELECT {BUCKET}, toString(mcp_id) AS mcp, sum(errors) / greatest(sum(calls), 1) AS failed FROM {TOOL_CALLS} GROUP BY time, mcp ORDER BY time",
                Look("percentunit", (0.02, 0.1), high=1),
            ),
            series(
                "Duration",
                f"95th percentile by server. {APPROXIMATE}",
                f"SELECT {BUCKET}, toString(mcp_id) AS mcp, {P95} AS p95 FROM {TOOL_CALLS} GROUP BY time, mcp ORDER BY time",
                Look("ms", (1000, 10_000)),
            ),
        ),
    )


def _tools() -> Row:
    listed = f"""
        SELECT toString(tool_name) AS tool, toString(mcp_id) AS server, sum(calls) AS calls, sum(errors) / greatest(sum(weight), 1) AS failed, {P50} AS p50, {P95} AS p95,
            arrayStringConcat(groupUniqArray(10)(toString(agent_name)), ', ') AS agents
        FROM {TOOL_CALLS} GROUP BY tool, server ORDER BY calls DESC LIMIT 200"""
    slowest = f"SELECT toString(tool_name) AS tool, {P95} AS p95 FROM {TOOL_CALLS} GROUP BY tool ORDER BY p95 DESC LIMIT 10"
    columns = [
        Column("calls", gauge=True),
        Column("failed", "percentunit", thresholds=(0.02, 0.1)),
        Column("p50", "ms"),
        Column("p95", "ms", thresholds=(1000, 10_000)),
    ]
    return Row(
        "Tools",
        10,
        (
            rows("Tools", f"Tools by calls. {APPROXIMATE}", listed, Look(columns=columns)),
            bars("Slowest tools", f"95th percentile of duration. {APPROXIMATE}", slowest, Look("ms", (1000, 10_000))),
        ),
        (16, 8),
    )


def _failures() -> Row:
    listed = f"""
        SELECT started_at AS at, thread_id AS thread, toString(tool_name) AS tool, toString(mcp_id) AS server, toString(error_type) AS error,
            error_message AS message, duration_ms AS duration
        FROM mission_control.execution_steps WHERE status = 'error' AND {newest_steps(100, "errors", f"type = 'tool_call' AND {MCP}")} ORDER BY at DESC LIMIT 100"""
    return Row(
        "Failed calls",
        8,
        (
            rows(
                "Failed calls",
                "The newest 100.",
                listed,
                Look("none", columns=[Column("thread", links=THREAD_LINKS), Column("duration", "ms")]),
            ),
        ),
    )
