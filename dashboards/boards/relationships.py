"""Who uses what: agents, tools, MCP servers, models, prompts, resources."""

from dashboards.board import Board, Row
from dashboards.links import to_board
from dashboards.panels import Column, Look, bars, figure, graph, rows
from dashboards.query import PROJECT
from dashboards.variables import console, project

_ENTITIES = f"FROM mission_control.entities WHERE {PROJECT} AND modified_at >= $__fromTime - 3600"
_RELATIONS = f"FROM mission_control.relationships WHERE {PROJECT} AND last_seen_at >= $__fromTime - 3600"
_SEEN = "Seen since the range began; counts are of all time."

_NODES = f"""
SELECT e.entity_id AS id, e.name AS title, toString(e.type) AS subtitle, toFloat64(toUInt64OrZero(e.metadata['calls'])) AS mainstat,
    multiIf(e.type = 'agent', 'blue', e.type = 'mcp', 'green', e.type = 'model', 'purple', e.type = 'prompt', 'yellow', e.type = 'resource', 'semi-dark-red', 'orange') AS color,
    1 - ifNull(f.failed, 0) AS arc__ok, ifNull(f.failed, 0) AS arc__failed, toString(e.created_at) AS detail__first_seen
FROM (SELECT * {_ENTITIES}) AS e
LEFT JOIN (
    SELECT id, sum(errors) / greatest(sum(calls), 1) AS failed FROM (
        SELECT arrayJoin([concat('tool:', tool_name), concat('mcp:', mcp_id), concat('agent:', agent_name)]) AS id, calls, errors
        FROM mission_control.tools_hourly WHERE {PROJECT} AND $__timeFilter(hour))
    GROUP BY id) AS f ON e.entity_id = f.id
ORDER BY mainstat DESC LIMIT 200"""

_EDGES = f"""
SELECT concat(source_id, ' ', target_id, ' ', type) AS id, source_id AS source, target_id AS target, toFloat64(count) AS mainstat, toString(type) AS secondarystat,
    least(8, 1 + log10(count + 1)) AS thickness, metadata['kind'] AS detail__kind
{_RELATIONS} AND NOT startsWith(source_id, 'thread:') ORDER BY mainstat DESC LIMIT 600"""


def board() -> Board:
    return Board(
        "mc-relationships",
        "Relationship map",
        "Agents, tools, MCP servers, models, prompts and resources, and who uses what.",
        (project(), console()),
        (_figures(), _map(), _lists()),
        since="now-7d",
        refresh="5m",
    )


def _figures() -> Row:
    kinds = (
        ("Agents", "agent"),
        ("Tools", "tool"),
        ("MCP servers", "mcp"),
        ("Models", "model"),
        ("Prompts", "prompt"),
        ("Resources", "resource"),
    )
    return Row(
        "How many",
        4,
        [
            figure(
                title,
                _SEEN,
                f"SELECT count() AS n {_ENTITIES} AND type = '{kind}'",
                Look(links=(to_board("mc-mcps", "MCP servers and tools"),)),
            )
            for title, kind in kinds
        ],
    )


def _map() -> Row:
    drawn = graph(
        "Who uses what", f"Rings show the share of tool calls that failed. {_SEEN}", _NODES, _EDGES, {"node": "short", "edge": "short"}
    )
    return Row("Map", 18, (drawn,))


def _lists() -> Row:
    listed = f"""
        SELECT source_id AS source, toString(type) AS relation, target_id AS target, metadata['kind'] AS kind, count AS calls, first_seen_at AS first, last_seen_at AS last
        {_RELATIONS} ORDER BY calls DESC LIMIT 300"""
    shared = f"SELECT target_id AS target, uniqExact(source_id) AS users {_RELATIONS} GROUP BY target ORDER BY users DESC LIMIT 15"
    return Row(
        "Relations",
        10,
        (
            rows("Relations", _SEEN, listed, Look(columns=[Column("calls", gauge=True)])),
            bars("Most shared", "What the most others use: what a failure of it would touch.", shared, Look()),
        ),
        (16, 8),
    )
