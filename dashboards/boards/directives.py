"""Directives: the named runs of agents, which Kiwi calls workflows."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT
from dashboards.sources import APPROXIMATE, BUCKET, P50, P95, newest_steps, steps
from dashboards.variables import console, project

_RUNS = "FROM " + steps("type = 'directive'")
_SPENT = f"""
SELECT r.name AS directive, sum(ifNull(t.cost_usd, 0)) AS cost, sum(t.input_tokens + t.output_tokens) AS tokens
FROM (SELECT thread_id, cost_usd, input_tokens, output_tokens FROM mission_control.threads WHERE {PROJECT}) AS t
INNER JOIN (SELECT DISTINCT name, arrayJoin(thread_ids) AS thread_id {_RUNS}) AS r ON r.thread_id = t.thread_id GROUP BY directive"""
"""Of the threads in which each directive ran, each once."""


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
            figure("Runs", "Runs of directives.", f"SELECT sum(steps) AS runs {_RUNS}", Look(links=(to_board("mc-threads", "Threads"),))),
            figure(
                "Failed",
                "Share of runs that failed.",
                f"SELECT sum(errors) / greatest(sum(steps), 1) AS failed {_RUNS}",
                Look("percentunit", (0.05, 0.2)),
            ),
            figure("Running", "Runs that have not ended.", f"SELECT sum(r.running) AS running {_RUNS} AS r", Look()),
            figure(
                "Duration",
                f"Median of runs that ended. {APPROXIMATE}",
                f"SELECT {P50} AS median {_RUNS} WHERE weight > 0",
                Look("ms"),
            ),
            figure(
                "Cost",
                "Of the threads of these runs.",
                f"SELECT sum(ifNull(cost_usd, 0)) AS cost FROM mission_control.threads WHERE {PROJECT} AND thread_id IN (SELECT arrayJoin(thread_ids) {_RUNS})",
                Look("currencyUSD"),
            ),
        ),
        (5, 5, 4, 5, 5),
    )


def _over_time() -> Row:
    outcomes = "[('running', running), ('paused', paused), ('cancelled', cancelled), ('error', errors), ('complete', toUInt64(steps - running - paused - cancelled - errors))]"
    by_status = f"""
        SELECT {BUCKET}, outcome.1 AS status, sum(outcome.2) AS runs {_RUNS} ARRAY JOIN {outcomes} AS outcome WHERE outcome.2 > 0
        GROUP BY time, status ORDER BY time"""
    by_name = f"SELECT {BUCKET}, name, sum(steps) AS runs {_RUNS} GROUP BY time, name ORDER BY time"
    slow = f"SELECT {BUCKET}, {P95} AS p95 {_RUNS} WHERE weight > 0 GROUP BY time ORDER BY time"
    return Row(
        "Over time",
        8,
        (
            series("Runs by outcome", "How they ended.", by_status, Look(), stacked=True),
            series("Runs by name", "Which directives ran.", by_name, Look(), stacked=True),
            series("Duration", f"95th percentile. {APPROXIMATE}", slow, Look("ms", (60_000, 600_000))),
        ),
    )


def _list() -> Row:
    listed = f"""
        SELECT directive, runs, failed, p50, p95, cost, tokens, last FROM (
            SELECT name AS directive, sum(steps) AS runs, sum(errors) / runs AS failed, {P50} AS p50, {P95} AS p95, max(at) AS last
            {_RUNS} GROUP BY directive ORDER BY runs DESC LIMIT 200) AS r
        LEFT JOIN ({_SPENT}) AS s ON r.directive = s.directive ORDER BY runs DESC"""
    columns = [
        Column("failed", "percentunit", thresholds=(0.05, 0.2)),
        Column("p50", "ms"),
        Column("p95", "ms"),
        Column("cost", "currencyUSD"),
    ]
    failing = f"SELECT name AS directive, sum(errors) AS failed {_RUNS} GROUP BY directive HAVING failed > 0 ORDER BY failed DESC LIMIT 10"
    return Row(
        "By name",
        9,
        (
            rows(
                "Directives",
                f"Runs, failures, durations; cost and tokens are of the threads they ran in, each once. {APPROXIMATE}",
                listed,
                Look(columns=columns),
            ),
            bars("Failing most", "Directives by failed runs.", failing, Look(thresholds=(5, 50))),
        ),
        (16, 8),
    )


def _runs() -> Row:
    listed = f"""
        SELECT started_at AS started, thread_id AS thread, toString(name) AS directive, toString(status) AS status, duration_ms AS duration,
            toString(user_id) AS user, error_message AS error
        FROM mission_control.execution_steps WHERE {newest_steps(200, "steps", "type = 'directive'")} ORDER BY started DESC LIMIT 200"""
    look = Look("none", columns=[Column("thread", links=THREAD_LINKS, width=200), Column("status", colored=True), Column("duration", "ms")])
    return Row("Runs", 9, (rows("Runs", "The newest 200.", listed, look),))
