"""What goes wrong, how often it is the same thing, and what is slow."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import MCP, PROJECT, STARTED
from dashboards.sources import APPROXIMATE, BUCKET, LLM_CALLS, P50, P95, TOOL_CALLS
from dashboards.variables import console, mcp, project

_FAILED = f"FROM mission_control.execution_steps WHERE {PROJECT} AND {MCP} AND status = 'error' AND {STARTED}"
_ENDED = f"FROM mission_control.execution_steps WHERE {PROJECT} AND {MCP} AND isNotNull(duration_ms) AND {STARTED}"


def board() -> Board:
    return Board(
        "mc-errors",
        "Errors and latency",
        "Failed steps, errors that are the same error, and where time goes.",
        (project(), mcp(), console()),
        (_figures(), _errors(), _groups(), _latency(), _newest()),
    )


def _figures() -> Row:
    share = f"SELECT countIf(status = 'error') / greatest(count(), 1) AS failed FROM mission_control.execution_steps WHERE {PROJECT} AND {MCP} AND {STARTED}"
    groups = f"SELECT count() AS kinds FROM mission_control.error_groups WHERE {PROJECT} AND $__timeFilter(last_seen_at)"
    return Row(
        "In this range",
        4,
        (
            figure("Failed steps", "Steps that failed.", f"SELECT count() AS failed {_FAILED}", Look(thresholds=(10, 100))),
            figure("Share", "Share of steps that failed.", share, Look("percentunit", (0.02, 0.1))),
            figure("Kinds of error", "Groups of errors seen in this range.", groups, Look(thresholds=(10, 50))),
            figure(
                "Threads hit", "Threads with a failed step.", f"SELECT uniqExact(thread_id) AS threads {_FAILED}", Look(thresholds=(5, 50))
            ),
        ),
    )


def _errors() -> Row:
    by_type = (
        f"SELECT $__timeInterval(started_at) AS time, toString(type) AS type, count() AS failed {_FAILED} GROUP BY time, type ORDER BY time"
    )
    by_service = f"SELECT toString(service) AS service, count() AS failed {_FAILED} GROUP BY service ORDER BY failed DESC LIMIT 10"
    by_error = f"SELECT if(error_type = '', 'unnamed', toString(error_type)) AS error, count() AS failed {_FAILED} GROUP BY error ORDER BY failed DESC LIMIT 10"
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
        SELECT toString(type) AS kind, quantileExact(0.5)(duration_ms) AS p50, quantileExact(0.95)(duration_ms) AS p95, quantileExact(0.99)(duration_ms) AS p99, count() AS steps
        {_ENDED} GROUP BY kind ORDER BY p95 DESC"""
    columns = [Column(name, "ms", thresholds=(1000, 10_000)) for name in ("p50", "p95", "p99")]
    return Row(
        "Latency",
        8,
        (
            series("Tool calls", f"Median and 95th percentile. {APPROXIMATE}", over_time(TOOL_CALLS), Look("ms", (1000, 10_000))),
            series("LLM calls", f"Median and 95th percentile. {APPROXIMATE}", over_time(LLM_CALLS), Look("ms", (10_000, 60_000))),
            rows("Kinds of step", "Durations by kind.", by_type, Look(columns=columns)),
        ),
    )


def _newest() -> Row:
    failed = f"""
        SELECT started_at AS at, thread_id AS thread, toString(type) AS kind, name, toString(error_type) AS error, error_message AS message, duration_ms AS duration
        {_FAILED} ORDER BY at DESC LIMIT 100"""
    slowest = f"SELECT started_at AS at, thread_id AS thread, toString(type) AS kind, name, duration_ms AS duration {_ENDED} ORDER BY duration DESC LIMIT 50"
    look = Look("none", columns=[Column("thread", links=THREAD_LINKS, width=200), Column("duration", "ms")])
    return Row(
        "Steps",
        9,
        (
            rows("Newest failures", "The newest 100 steps that failed.", failed, look),
            rows("Slowest steps", "The fifty that took longest.", slowest, look),
        ),
        (14, 10),
    )
