"""Every thread of a range; a click opens it."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import MCPS, PROJECT
from dashboards.variables import console, mcp, project, search

_MATCHING = f"""
FROM mission_control.threads
WHERE {PROJECT} AND {MCPS} AND kind != 'trace' AND $__timeFilter(started_at)
    AND $__conditionalAll(positionCaseInsensitive(concat(name, ' ', user_input, ' ', thread_id), ${{search:singlequote}}) > 0, $search)"""


def board() -> Board:
    return Board(
        "mc-threads",
        "Threads",
        "Threads that began in this range: how they ended, how long they took, what they cost.",
        (project(), mcp(), search(), console()),
        (_figures(), _list(), _shapes()),
    )


def _figures() -> Row:
    return Row(
        "In this range",
        4,
        (
            figure(
                "Threads", "Threads that began.", f"SELECT count() AS threads {_MATCHING}", Look(links=(to_board("mc-fleet", "Fleet"),))
            ),
            figure(
                "Complete",
                "Share of ended threads that completed.",
                f"SELECT countIf(status = 'complete') / greatest(countIf(status IN ('complete', 'error', 'cancelled')), 1) AS complete {_MATCHING}",
                Look("percentunit", (0.95, 0.8)),
            ),
            figure(
                "Duration",
                "Median from first to last sign of life.",
                f"SELECT quantileExactOrNull(0.5)(duration_ms) AS median {_MATCHING}",
                Look("ms"),
            ),
            figure("Steps", "Mean number of steps.", f"SELECT avgOrNull(step_count) AS steps {_MATCHING}", Look("none")),
            figure(
                "Cost", "Stated cost of a thread, mean.", f"SELECT avgOrNull(ifNull(cost_usd, 0)) AS cost {_MATCHING}", Look("currencyUSD")
            ),
            figure(
                "Loops",
                "Threads in which the same call was repeated in a row.",
                f"SELECT countIf(loop_count > 0) AS loops {_MATCHING}",
                Look(thresholds=(1, 5)),
            ),
        ),
    )


def _list() -> Row:
    columns = [
        Column("thread", links=THREAD_LINKS, width=220),
        Column("status", colored=True, width=90),
        Column("duration", "ms"),
        Column("cost", "currencyUSD"),
        Column("errors", thresholds=(1, 5)),
        Column("denials", thresholds=(1, 5)),
        Column("tokens", gauge=True),
    ]
    sql = f"""
        SELECT started_at AS started, thread_id AS thread, name, toString(status) AS status, current_step, duration_ms AS duration, step_count AS steps, tool_calls AS tools,
            error_count AS errors, permission_denials AS denials, input_tokens + output_tokens AS tokens, cost_usd AS cost, user_id AS user, user_input AS asked
        {_MATCHING} ORDER BY started DESC LIMIT 500"""
    return Row("Threads", 14, (rows("Threads", "The newest first, at most 500; a thread's id opens it.", sql, Look(columns=columns)),))


def _shapes() -> Row:
    by_status = f"SELECT $__timeInterval(started_at) AS time, toString(status) AS status, count() AS threads {_MATCHING} GROUP BY time, status ORDER BY time"
    slow = f"SELECT $__timeInterval(started_at) AS time, quantileExact(0.5)(duration_ms) AS median, quantileExact(0.95)(duration_ms) AS p95 {_MATCHING} GROUP BY time ORDER BY time"
    agents = f"SELECT toString(agent_name) AS agent, count() AS threads {_MATCHING} GROUP BY agent ORDER BY threads DESC LIMIT 10"
    return Row(
        "Shapes",
        8,
        (
            series("Started", "Threads by the status they have now.", by_status, Look(), stacked=True),
            series("Duration", "Median and 95th percentile of threads by when they began.", slow, Look("ms", (60_000, 600_000))),
            bars("Agents", "Threads by agent.", agents, Look(links=(to_board("mc-directives", "Directives"),))),
        ),
    )
