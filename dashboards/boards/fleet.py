"""The first look: what runs, what fails, what waits, what it costs."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import STATES, Column, Look, bars, figure, rows, series, states
from dashboards.query import MCP, MCPS, PROJECT
from dashboards.sources import APPROXIMATE, BUCKET, CHECKS, LLM_CALLS, P95, TOOL_CALLS, steps
from dashboards.variables import console, mcp, project

_AGENTS = f"FROM mission_control.threads WHERE {PROJECT} AND {MCPS} AND kind != 'trace'"


def board() -> Board:
    return Board(
        "mc-fleet",
        "Fleet overview",
        "What the fleet does now: threads, failures, waiting approvals, tokens and cost.",
        (project(), mcp(), console()),
        (_now(), _activity(), _attention(), _calls()),
        refresh="30s",
    )


def _now() -> Row:
    to_threads = (to_board("mc-threads", "Threads"),)
    return Row(
        "Now",
        4,
        (
            figure(
                "Running",
                "Threads that run now, whatever the range.",
                f"SELECT countIf(status = 'running') AS running {_AGENTS}",
                Look(links=to_threads),
            ),
            figure(
                "Stalled",
                "Running threads that gave no sign of life for five minutes.",
                f"SELECT countIf(isNotNull(stalled_since)) AS stalled {_AGENTS}",
                Look(thresholds=(1, 5), links=to_threads),
            ),
            figure(
                "Waiting for approval",
                "Threads that an open approval holds.",
                f"SELECT countIf(waiting_for != '' AND status IN ('running', 'paused')) AS waiting {_AGENTS}",
                Look(thresholds=(1, 10), links=(to_board("mc-permissions", "Permissions"),)),
            ),
            figure(
                "Failed",
                "Share of threads of this range that ended in an error.",
                f"SELECT countIf(status = 'error') / greatest(count(), 1) AS failed {_AGENTS} AND $__timeFilter(started_at)",
                Look("percentunit", (0.05, 0.2), links=(to_board("mc-errors", "Errors"),)),
            ),
            figure(
                "Tokens",
                "Input and output tokens of LLM calls.",
                f"SELECT sum(input_tokens + output_tokens) AS tokens FROM {LLM_CALLS}",
                Look(links=(to_board("mc-cost", "Cost and tokens"),)),
            ),
            figure(
                "Cost",
                "Stated cost of LLM calls.",
                f"SELECT sum(cost_usd) AS cost FROM {LLM_CALLS}",
                Look("currencyUSD", links=(to_board("mc-cost", "Cost and tokens"),)),
            ),
        ),
    )


def _activity() -> Row:
    started = f"""
        SELECT $__timeInterval(started_at) AS time, toString(status) AS status, count() AS threads {_AGENTS} AND $__timeFilter(started_at)
        GROUP BY time, status ORDER BY time"""
    return Row(
        "Activity",
        8,
        (
            series(
                "Threads started",
                "Threads by the status they have now.",
                started,
                Look(links=(to_board("mc-threads", "Threads"),)),
                stacked=True,
            ),
            series(
                "Tool calls",
                "Tool calls and those that failed.",
                f"SELECT {BUCKET}, sum(calls) AS calls, sum(errors) AS errors FROM {TOOL_CALLS} GROUP BY time ORDER BY time",
                Look(links=(to_board("mc-mcps", "MCP servers and tools"),)),
            ),
            series(
                "LLM calls",
                "Calls of language models by model.",
                f"SELECT {BUCKET}, toString(model) AS model, sum(calls) AS calls FROM {LLM_CALLS} GROUP BY time, model ORDER BY time",
                Look(links=(to_board("mc-cost", "Cost and tokens"),)),
                stacked=True,
            ),
        ),
    )


def _attention() -> Row:
    columns = [
        Column("thread", links=THREAD_LINKS, width=220),
        Column("status", colored=True, width=100),
        Column("cost", "currencyUSD", width=90),
    ]
    listed = f"""
        SELECT thread_id AS thread, name, toString(status) AS status, stalled_since, waiting_for, loop_count AS loops, error_message, cost_usd AS cost, last_seen_at
        {_AGENTS} AND $__timeFilter(last_seen_at)
            AND (status = 'error' OR isNotNull(stalled_since) OR waiting_for != '' OR loop_count > 0 OR escalations > 0)
        ORDER BY last_seen_at DESC LIMIT 50"""
    fine, running, failing = (STATES.index(word) + 1 for word in ("complete", "running", "error"))
    alive = f"""
        SELECT {BUCKET}, toString(mcp_id) AS mcp, multiIf(sum(errors) > sum(steps) / 10, {failing}, sum(running) = sum(steps), {running}, {fine}) AS state
        FROM {steps(f"mcp_id != '' AND {MCP}")} GROUP BY time, mcp ORDER BY time"""
    return Row(
        "What needs a look",
        9,
        (
            rows(
                "Threads to look at",
                "Failed, stalled, waiting, looping or escalating threads; the newest first.",
                listed,
                Look(columns=columns),
            ),
            states(
                "MCP servers",
                "Red where more than a tenth of what a server did failed, blue where none of it has ended; gaps are times without calls.",
                alive,
                Look("none"),
            ),
        ),
        (15, 9),
    )


def _calls() -> Row:
    tools = f"SELECT toString(tool_name) AS tool, sum(calls) AS calls FROM {TOOL_CALLS} GROUP BY tool ORDER BY calls DESC LIMIT 10"
    slow = f"SELECT {BUCKET}, {P95} AS p95 FROM {TOOL_CALLS} GROUP BY time ORDER BY time"
    denied = f"SELECT {BUCKET}, sum(granted) AS granted, sum(denied) AS denied, sum(pending) AS pending FROM {CHECKS} GROUP BY time ORDER BY time"
    return Row(
        "Calls and checks",
        8,
        (
            bars("Busiest tools", "Tools by number of calls.", tools, Look(links=(to_board("mc-mcps", "MCP servers and tools"),))),
            series("Duration of tool calls", f"95th percentile. {APPROXIMATE}", slow, Look("ms", (1000, 10_000))),
            series(
                "Permission checks", "What was decided.", denied, Look(links=(to_board("mc-permissions", "Permissions"),)), stacked=True
            ),
        ),
    )
