"""What agents were allowed to do, and what they asked for beyond it."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT
from dashboards.sources import APPROXIMATE, BUCKET, CHECKS, P50, P95, UNCHECKED, checks_told, newest, newest_steps
from dashboards.variables import console, project

_OPEN = f"""
    SELECT thread_id, event_id, min(timestamp) AS asked FROM mission_control.permission_statements WHERE {PROJECT} AND timestamp >= $__fromTime
    GROUP BY thread_id, event_id HAVING countIf(phase = 'decision') = 0 AND asked <= $__toTime"""
"""Questions of the range that nobody has answered, whenever that would have been: hours do not know of answers that come later."""


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
            figure("Waiting", "Checks that nobody has decided.", f"SELECT count() AS waiting FROM ({_OPEN})", Look(thresholds=(1, 10))),
            figure(
                "Time to decide",
                f"Median and 95th percentile from the question to the decision. {APPROXIMATE}",
                f"SELECT {P50} AS median, {P95} AS p95 FROM {CHECKS} WHERE weight > 0",
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
    deciders = f"""
        SELECT if(source = '', 'unknown', toString(source)) AS decider, sum(granted + denied) AS decided FROM {CHECKS}
        GROUP BY decider HAVING decided > 0 ORDER BY decided DESC"""
    denied_agents = f"""
        SELECT if(agent_name = '', 'unknown', toString(agent_name)) AS agent, sum(denied) AS denied FROM {CHECKS}
        GROUP BY agent HAVING denied > 0 ORDER BY denied DESC LIMIT 10"""
    return Row(
        "Who decides, and about what",
        8,
        (
            bars(
                "Deciders",
                "Who decided: policy, hook, person and so on.",
                deciders,
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
                denied_agents,
                Look(thresholds=(10, 100)),
            ),
        ),
    )


def _escalations() -> Row:
    since = f"timestamp >= {newest(200, 'detected', 'permissions_hourly')} AND timestamp <= $__toTime"
    listed = f"""
        SELECT timestamp AS asked, thread_id AS thread, subject, resource, toString(action) AS action, toString(escalation_rule) AS rule, toString(escalation_status) AS status,
            multiIf(isNull(granted), 'pending', granted = 1, 'granted', 'denied') AS result, toString(severity) AS severity, escalation_reason AS reason
        FROM mission_control.permission_events WHERE {checks_told(since)} AND {since} AND escalation_detected = 1 ORDER BY asked DESC LIMIT 200"""
    oldest = f"{_OPEN} ORDER BY asked LIMIT 200"
    waiting = f"""
        SELECT timestamp AS asked, thread_id AS thread, resource, toString(action) AS action, toString(agent_name) AS agent
        FROM mission_control.permission_events
        WHERE {PROJECT} AND thread_id IN (SELECT thread_id FROM ({oldest})) AND (thread_id, event_id) IN (SELECT thread_id, event_id FROM ({oldest}))
        ORDER BY asked"""
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
        FROM mission_control.unchecked_calls WHERE {newest_steps(200, "unchecked")} ORDER BY at DESC LIMIT 200"""
    by_tool = f"SELECT tool, sum(calls) AS calls FROM {UNCHECKED} GROUP BY tool ORDER BY calls DESC LIMIT 10"
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
