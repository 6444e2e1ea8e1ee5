"""Tokens and money: by model, agent, user, project, and by how the threads ended."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT
from dashboards.sources import APPROXIMATE, BUCKET, FIRST_TOKENS, LLM_CALLS, P95
from dashboards.variables import console, project


def board() -> Board:
    return Board(
        "mc-cost",
        "LLM cost and tokens",
        "What language models cost, who spends it, and what came of it.",
        (project(), console()),
        (_figures(), _over_time(), _who(), _outcomes(), _calls()),
        since="now-7d",
        refresh="5m",
    )


def _figures() -> Row:
    return Row(
        "In this range",
        4,
        (
            figure("Cost", "Stated cost.", f"SELECT sum(cost_usd) AS cost FROM {LLM_CALLS}", Look("currencyUSD")),
            figure("Calls", "LLM calls.", f"SELECT sum(calls) AS calls FROM {LLM_CALLS}", Look()),
            figure("Input tokens", "Cached ones included.", f"SELECT sum(input_tokens) AS input FROM {LLM_CALLS}", Look()),
            figure("Output tokens", "Output tokens.", f"SELECT sum(output_tokens) AS output FROM {LLM_CALLS}", Look()),
            figure(
                "From cache",
                "Share of input tokens that were read from a cache.",
                f"SELECT sum(cache_read_tokens) / greatest(sum(input_tokens), 1) AS cached FROM {LLM_CALLS}",
                Look("percentunit", (0.5, 0.1)),
            ),
            figure(
                "Failed",
                "Share of LLM calls that failed.",
                f"SELECT sum(errors) / greatest(sum(calls), 1) AS failed FROM {LLM_CALLS}",
                Look("percentunit", (0.01, 0.05), links=(to_board("mc-errors", "Errors"),)),
            ),
        ),
    )


def _over_time() -> Row:
    return Row(
        "Over time",
        8,
        (
            series(
                "Cost by model",
                "Stated cost.",
                f"SELECT {BUCKET}, toString(model) AS model, sum(cost_usd) AS cost FROM {LLM_CALLS} GROUP BY time, model ORDER BY time",
                Look("currencyUSD"),
                stacked=True,
                calcs=("sum",),
            ),
            series(
                "Tokens",
                "Input, cached and output tokens.",
                f"SELECT {BUCKET}, sum(input_tokens) AS input, sum(cache_read_tokens) AS cached, sum(output_tokens) AS output FROM {LLM_CALLS} GROUP BY time ORDER BY time",
                Look(),
            ),
            series(
                "Duration by model",
                f"95th percentile. {APPROXIMATE}",
                f"SELECT {BUCKET}, toString(model) AS model, {P95} AS p95 FROM {LLM_CALLS} GROUP BY time, model ORDER BY time",
                Look("ms", (10_000, 60_000)),
            ),
        ),
    )


def _who() -> Row:
    def spent(title: str, column: str) -> tuple[str, str]:
        return (
            title,
            f"SELECT if({column} = '', 'unknown', toString({column})) AS name, sum(cost_usd) AS cost FROM {LLM_CALLS} GROUP BY name ORDER BY cost DESC LIMIT 10",
        )

    across = """
        SELECT toString(project) AS name, sum(cost_usd) AS cost FROM mission_control.usage_hourly WHERE $__timeFilter(hour) GROUP BY name ORDER BY cost DESC LIMIT 20"""
    listed = [
        bars(f"By {title}", f"Stated cost by {title}; the ten that spend most.", sql, Look("currencyUSD"))
        for title, sql in (spent("model", "model"), spent("agent", "agent_name"), spent("user", "user_id"))
    ]
    return Row("Who spends", 8, (*listed, bars("By project", "Stated cost of whole hours of every project.", across, Look("currencyUSD"))))


def _outcomes() -> Row:
    ended = f"FROM mission_control.threads WHERE {PROJECT} AND kind != 'trace' AND $__timeFilter(started_at)"
    outcome = f"""
        SELECT toString(status) AS outcome, count() AS threads, sum(ifNull(cost_usd, 0)) AS cost, avg(ifNull(cost_usd, 0)) AS each, avg(input_tokens + output_tokens) AS tokens
        {ended} GROUP BY outcome ORDER BY cost DESC"""
    dearest = f"""
        SELECT thread_id AS thread, name, toString(status) AS status, cost_usd AS cost, input_tokens + output_tokens AS tokens, llm_calls AS calls, started_at AS started
        {ended} AND isNotNull(cost_usd) ORDER BY cost DESC LIMIT 50"""
    money = [
        Column("cost", "currencyUSD"),
        Column("each", "currencyUSD"),
        Column("status", colored=True),
        Column("outcome", colored=True),
        Column("thread", links=THREAD_LINKS),
    ]
    return Row(
        "Per outcome",
        9,
        (
            rows("Cost per outcome", "What threads cost by how they ended.", outcome, Look(columns=money)),
            rows("Dearest threads", "The fifty that cost most.", dearest, Look(columns=money)),
        ),
        (10, 14),
    )


def _calls() -> Row:
    listed = f"""
        SELECT toString(model) AS model, toString(provider) AS provider, sum(calls) AS calls, sum(errors) AS errors, sum(input_tokens) AS input, sum(output_tokens) AS output,
            sum(cost_usd) AS cost, sum(cost_usd) / greatest(sum(weight), 1) AS each, {P95} AS p95
        FROM {LLM_CALLS} GROUP BY model, provider ORDER BY cost DESC"""
    first = f"SELECT {BUCKET}, toString(model) AS model, {P95} AS ttft FROM {FIRST_TOKENS} GROUP BY time, model ORDER BY time"
    return Row(
        "Models",
        8,
        (
            rows(
                "Models",
                f"Calls, tokens and cost. {APPROXIMATE}",
                listed,
                Look(
                    columns=[
                        Column("cost", "currencyUSD"),
                        Column("each", "currencyUSD"),
                        Column("p95", "ms"),
                        Column("errors", thresholds=(1, 10)),
                    ]
                ),
            ),
            series(
                "Time to first token", f"95th percentile by model, of calls that state it. {APPROXIMATE}", first, Look("ms", (2000, 10_000))
            ),
        ),
    )
