"""Directives: the named runs of agents, which Kiwi calls workflows."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT, STARTED
from dashboards.variables import console, project

_RUNS = f"FROM mission_control.execution_steps WHERE {PROJECT} AND type = 'directive' AND {STARTED}"
_COSTS = f"""
FROM (SELECT thread_id, toString(name) AS name, status, started_at, duration_ms {_RUNS}) AS r
LEFT JOIN (SELECT thread_id, ifNull(cost_usd, 0) AS cost, input_tokens + output_tokens AS tokens FROM mission_control.threads WHERE {PROJECT}) AS t ON r.thread_id = t.thread_id"""


def board() -> Board:
    return Board(
        "mc-directives",
        "Directives",
        "Runs of directives: how many, how many fail, how long they take, what their threads cost.",
        (project(), console()),
        (_figures(), _over_time(), _list(), _runs()),
    )


def _figures() -> Row:
    return Row(
        "In this range",
        4,
        (
            figure("Runs", "Runs of directives.", f"SELECT count() AS runs {_RUNS}", Look(links=(to_board("mc-threads", "Threads"),))),
            figure(
                "Failed",
                "Share of runs that failed.",
                f"SELECT countIf(status = 'error') / greatest(count(), 1) AS failed {_RUNS}",
                Look("percentunit", (0.05, 0.2)),
            ),
            figure("Running", "Runs that have not ended.", f"SELECT countIf(status = 'running') AS running {_RUNS}", Look()),
            figure(
                "Duration",
                "Median of runs that ended.",
                f"SELECT quantileExact(0.5)(ifNull(duration_ms, 0)) AS median {_RUNS} AND isNotNull(duration_ms)",
                Look("ms"),
            ),
            figure(
                "Cost",
                "Of the threads of these runs.",
                f"SELECT sum(cost) AS cost FROM (SELECT r.thread_id AS thread, any(t.cost) AS cost {_COSTS} GROUP BY thread)",
                Look("currencyUSD"),
            ),
        ),
        (5, 5, 4, 5, 5),
    )


def _over_time() -> Row:
    by_status = f"SELECT $__timeInterval(started_at) AS time, toString(status) AS status, count() AS runs {_RUNS} GROUP BY time, status ORDER BY time"
    by_name = (
        f"SELECT $__timeInterval(started_at) AS time, toString(name) AS name, count() AS runs {_RUNS} GROUP BY time, name ORDER BY time"
    )
    slow = f"SELECT $__timeInterval(started_at) AS time, quantileExact(0.95)(ifNull(duration_ms, 0)) AS p95 {_RUNS} AND isNotNull(duration_ms) GROUP BY time ORDER BY time"
    return Row(
        "Over time",
        8,
        (
            series("Runs by outcome", "How they ended.", by_status, Look(), stacked=True),
            series("Runs by name", "Which directives ran.", by_name, Look(), stacked=True),
            series("Duration", "95th percentile.", slow, Look("ms", (60_000, 600_000))),
        ),
    )


def _list() -> Row:
    listed = f"""
        SELECT r.name AS directive, count() AS runs, countIf(r.status = 'error') / count() AS failed, quantileExact(0.5)(ifNull(r.duration_ms, 0)) AS p50,
            quantileExact(0.95)(ifNull(r.duration_ms, 0)) AS p95, sum(t.cost) AS cost, sum(t.tokens) AS tokens, max(r.started_at) AS last
        {_COSTS} GROUP BY directive ORDER BY runs DESC LIMIT 200"""
    columns = [
        Column("failed", "percentunit", thresholds=(0.05, 0.2)),
        Column("p50", "ms"),
        Column("p95", "ms"),
        Column("cost", "currencyUSD"),
    ]
    failing = f"SELECT toString(name) AS directive, countIf(status = 'error') AS failed {_RUNS} GROUP BY directive HAVING failed > 0 ORDER BY failed DESC LIMIT 10"
    return Row(
        "By name",
        9,
        (
            rows("Directives", "Runs, failures, durations; cost and tokens are of the threads they ran in.", listed, Look(columns=columns)),
            bars("Failing most", "Directives by failed runs.", failing, Look(thresholds=(5, 50))),
        ),
        (16, 8),
    )


def _runs() -> Row:
    listed = f"""
        SELECT started_at AS started, thread_id AS thread, toString(name) AS directive, toString(status) AS status, duration_ms AS duration,
            toString(user_id) AS user, error_message AS error
        {_RUNS} ORDER BY started DESC LIMIT 200"""
    look = Look("none", columns=[Column("thread", links=THREAD_LINKS, width=200), Column("status", colored=True), Column("duration", "ms")])
    return Row("Runs", 9, (rows("Runs", "The newest 200.", listed, look),))
