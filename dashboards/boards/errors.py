"""What goes wrong, how often it is the same thing, and what is slow."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import MCP, MCPS, PROJECT
from dashboards.sources import APPROXIMATE, BUCKET, HOURLY, LLM_CALLS, P50, P95, P99, RECENT, TOOL_CALLS, newest_steps, steps
from dashboards.variables import console, mcp, project

_FAILED = f"FROM {steps(MCP)} WHERE errors > 0"


def board() -> Board:
    return Board(
        "mc-errors",
        "Errors and latency",
        "Failed steps, errors that are the same error, and where time goes.",
        (project(), mcp(), console()),
        (_figures(), _errors(), _groups(), _latency(), _newest()),
    )


def _figures() -> Row:
    share = f"SELECT sum(errors) / greatest(sum(steps), 1) AS failed FROM {steps(MCP)}"
    hit = f"""
        SELECT countIf(error_count > 0) AS threads FROM mission_control.threads
        WHERE {PROJECT} AND {MCPS} AND last_seen_at >= $__fromTime AND started_at <= $__toTime"""
    groups = f"SELECT count() AS kinds FROM mission_control.error_groups WHERE {PROJECT} AND $__timeFilter(last_seen_at)"
    return Row(
        "In this range",
        4,
        (
            figure("Failed steps", "Steps that failed.", f"SELECT sum(errors) AS failed {_FAILED}", Look(thresholds=(10, 100))),
            figure("Share", "Share of steps that failed.", share, Look("percentunit", (0.02, 0.1))),
            figure("Kinds of error", "Groups of errors seen in this range.", groups, Look(thresholds=(10, 50))),
            figure("Threads hit", "Threads alive in this range that have a failed step.", hit, Look(thresholds=(5, 50))),
        ),
    )


def _errors() -> Row:
    by_type = f"SELECT {BUCKET}, toString(type) AS type, sum(errors) AS failed {_FAILED} GROUP BY time, type ORDER BY time"
    by_service = f"SELECT toString(service) AS service, sum(errors) AS failed {_FAILED} GROUP BY service ORDER BY failed DESC LIMIT 10"
    by_error = f"SELECT if(error_type = '', 'unnamed', toString(error_type)) AS error, sum(errors) AS failed {_FAILED} GROUP BY error ORDER BY failed DESC LIMIT 10"
    return Row(
        "Errors",
        8,
        (
            series("Failed steps", "By kind of step.", by_type, Look(thresholds=(10, 100)), stacked=True),
            bars("Services", "Services by failed steps.", by_service, Look(links=(to_board("mc-logs", "Logs"),))),
            bars("Types of error", "error.type of failed steps.", by_error, Look()),
        ),
    )


def _groups() -> Row:
    listed = f"""
        SELECT toString(error_type) AS type, message, toString(service) AS service, count, threads, first_seen_at AS first, last_seen_at AS last,
            arrayStringConcat(service_versions, ', ') AS versions
        FROM mission_control.error_groups WHERE {PROJECT} AND $__timeFilter(last_seen_at) ORDER BY last DESC LIMIT 200"""
    look = Look("none", columns=[Column("count", gauge=True)])
    return Row(
        "Errors that are the same error",
        9,
        (rows("Groups", "By type, service and message without its numbers; the latest first.", listed, look),),
    )


def _latency() -> Row:
    def over_time(calls: str) -> str:
        return f"SELECT {BUCKET}, {P50} AS median, {P95} AS p95 FROM {calls} GROUP BY time ORDER BY time"

    by_type = f"""
        SELECT toString(type) AS kind, {P50} AS p50, {P95} AS p95, {P99} AS p99, sum(weight) AS steps
        FROM {steps(MCP)} WHERE weight > 0 GROUP BY kind ORDER BY p95 DESC"""
    columns = [Column(name, "ms", thresholds=(1000, 10_000)) for name in ("p50", "p95", "p99")]
    return Row(
        "Latency",
        8,
        (
            series("Tool calls", f"Median and 95th percentile. {APPROXIMATE}", over_time(TOOL_CALLS), Look("ms", (1000, 10_000))),
            series("LLM calls", f"Median and 95th percentile. {APPROXIMATE}", over_time(LLM_CALLS), Look("ms", (10_000, 60_000))),
            rows("Kinds of step", f"Durations by kind, of steps that ended. {APPROXIMATE}", by_type, Look(columns=columns)),
        ),
    )


def _newest() -> Row:
    failed = f"""
        SELECT started_at AS at, thread_id AS thread, toString(type) AS kind, name, toString(error_type) AS error, error_message AS message, duration_ms AS duration
        FROM mission_control.execution_steps WHERE status = 'error' AND {newest_steps(100, "errors", MCP)} ORDER BY at DESC LIMIT 100"""
    slowest = f"""
        SELECT at, thread, kind, name, duration FROM (
            SELECT started_at AS at, thread_id AS thread, toString(type) AS kind, toString(s.name) AS name, assumeNotNull(duration_ms) AS duration
            FROM mission_control.execution_steps AS s WHERE {MCP} AND isNotNull(duration_ms) AND {RECENT}
            UNION ALL
            SELECT longest_at, longest_thread_id, toString(type), longest_name, longest_ms FROM mission_control.steps_hourly WHERE {MCP} AND longest_ms > 0 AND {HOURLY})
        ORDER BY duration DESC LIMIT 50"""
    look = Look("none", columns=[Column("thread", links=THREAD_LINKS, width=200), Column("duration", "ms")])
    return Row(
        "Steps",
        9,
        (
            rows("Newest failures", "The newest 100 steps that failed.", failed, look),
            rows(
                "Slowest steps",
                "The fifty that took longest; in ranges over six hours only the longest of each hour, kind, name, server and service counts.",
                slowest,
                look,
            ),
        ),
        (14, 10),
    )
