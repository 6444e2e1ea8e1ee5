"""What agents were allowed to do, and what they asked for beyond it."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT, STARTED
from dashboards.sources import BUCKET, CHECKS
from dashboards.variables import console, project

_EVENTS = f"FROM mission_control.permission_events WHERE {PROJECT} AND $__timeFilter(timestamp)"


def board() -> Board:
    return Board(
        "mc-permissions",
        "Permissions and escalations",
        "Permission checks: granted, denied, waiting; escalations; calls that nobody checked.",
        (project(), console()),
        (_figures(), _decisions(), _who(), _escalations(), _unchecked()),
    )


def _figures() -> Row:
    return Row(
        "In this range",
        4,
        (
            figure("Checks", "Permission checks.", f"SELECT sum(checks) AS checks FROM {CHECKS}", Look()),
            figure(
                "Denied",
                "Share of decided checks that were denied.",
                f"SELECT sum(denied) / greatest(sum(granted + denied), 1) AS denied FROM {CHECKS}",
                Look("percentunit", (0.1, 0.3)),
            ),
            figure(
                "Escalations",
                "Checks that are an escalation by anything but being new for their agent.",
                f"SELECT sum(escalations) AS escalations FROM {CHECKS}",
                Look(thresholds=(1, 5)),
            ),
            figure("Waiting", "Checks that nobody has decided.", f"SELECT sum(pending) AS waiting FROM {CHECKS}", Look(thresholds=(1, 10))),
            figure(
                "Time to decide",
                "Median and 95th percentile from the question to the decision.",
                f"SELECT quantileExact(0.5)(ifNull(waited_ms, 0)) AS median, quantileExact(0.95)(ifNull(waited_ms, 0)) AS p95 {_EVENTS} AND isNotNull(waited_ms)",
                Look("ms", (60_000, 600_000)),
            ),
        ),
        (4, 5, 5, 4, 6),
    )


def _decisions() -> Row:
    return Row(
        "Over time",
        8,
        (
            series(
                "Decisions",
                "What was decided.",
                f"SELECT {BUCKET}, sum(granted) AS granted, sum(denied) AS denied, sum(pending) AS pending FROM {CHECKS} GROUP BY time ORDER BY time",
                Look(),
                stacked=True,
            ),
            series(
                "Escalations",
                "Checks that are an escalation by anything but being new for their agent.",
                f"SELECT {BUCKET}, sum(escalations) AS escalations FROM {CHECKS} GROUP BY time ORDER BY time",
                Look(thresholds=(1, 5)),
            ),
        ),
    )


def _who() -> Row:
    return Row(
        "Who decides, and about what",
        8,
        (
            bars(
                "Deciders",
                "Who decided: policy, hook, person and so on.",
                f"SELECT toString(source) AS decider, count() AS checks {_EVENTS} AND isNotNull(granted) GROUP BY decider ORDER BY checks DESC",
                Look(),
            ),
            bars(
                "Denied resources",
                "What was denied most often.",
                f"SELECT resource, sum(denied) AS denied FROM {CHECKS} GROUP BY resource HAVING denied > 0 ORDER BY denied DESC LIMIT 10",
                Look(thresholds=(10, 100)),
            ),
            bars(
                "Agents denied",
                "Agents by denials.",
                f"SELECT toString(agent_name) AS agent, countIf(granted = 0) AS denied {_EVENTS} GROUP BY agent HAVING denied > 0 ORDER BY denied DESC LIMIT 10",
                Look(thresholds=(10, 100)),
            ),
        ),
    )


def _escalations() -> Row:
    listed = f"""
        SELECT timestamp AS asked, thread_id AS thread, subject, resource, toString(action) AS action, toString(escalation_rule) AS rule, toString(escalation_status) AS status,
            multiIf(isNull(granted), 'pending', granted = 1, 'granted', 'denied') AS result, toString(severity) AS severity, escalation_reason AS reason
        {_EVENTS} AND escalation_detected = 1 ORDER BY asked DESC LIMIT 200"""
    waiting = f"""
        SELECT timestamp AS asked, thread_id AS thread, resource, toString(action) AS action, toString(agent_name) AS agent
        {_EVENTS} AND isNull(granted) ORDER BY asked LIMIT 200"""
    columns = [Column("thread", links=THREAD_LINKS), Column("severity", colored=True)]
    return Row(
        "Escalations and open questions",
        9,
        (
            rows(
                "Escalations",
                "Who asked for more than they held, or for something new, and by which rule it was noticed.",
                listed,
                Look("none", columns=columns),
            ),
            rows("Open questions", "Checks that wait for a decision, the oldest first.", waiting, Look("none", columns=columns)),
        ),
        (14, 10),
    )


def _unchecked() -> Row:
    listed = f"""
        SELECT started_at AS at, thread_id AS thread, toString(agent_name) AS agent, toString(tool_name) AS tool, toString(mcp_id) AS server
        FROM mission_control.unchecked_calls WHERE {PROJECT} AND {STARTED} ORDER BY at DESC LIMIT 200"""
    by_tool = f"""
        SELECT toString(tool_name) AS tool, count() AS calls FROM mission_control.unchecked_calls WHERE {PROJECT} AND {STARTED}
        GROUP BY tool ORDER BY calls DESC LIMIT 10"""
    return Row(
        "Calls that nobody checked",
        8,
        (
            rows(
                "Unchecked calls",
                "Tool calls with no decision recorded.",
                listed,
                Look("none", columns=[Column("thread", links=THREAD_LINKS)]),
            ),
            bars(
                "Unchecked tools",
                "Tools by calls without a decision.",
                by_tool,
                Look(links=(to_board("mc-mcps", "MCP servers and tools"),)),
            ),
        ),
        (16, 8),
    )
