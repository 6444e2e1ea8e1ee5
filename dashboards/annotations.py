"""Marks on every time axis: alerts, and the first time a version, a model, a tool's schema or a permission mode was seen."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from dashboards.query import PROJECT, Format, Query, source

_FIRST: Final = """
    SELECT min({at}) AS time, concat('{what} ', toString({name})) AS text, '{tag}' AS tags FROM mission_control.{view} WHERE {where}
    GROUP BY {name} HAVING $__timeFilter(time) ORDER BY time"""


def _first(what: str, tag: str, view: str, at: str, name: str, where: str = "1") -> str:
    return _FIRST.format(at=at, what=what, tag=tag, view=view, name=name, where=f"{PROJECT} AND {where}")


ALERTS: Final = f"""
SELECT started_at AS time, ended_at AS timeEnd, concat(rule, ': ', status) AS text, severity AS tags
FROM mission_control.alerts WHERE {PROJECT} AND $__timeFilter(started_at) ORDER BY time"""
VERSIONS: Final = _first("version", "version", "threads", "started_at", "service_version", "service_version != ''")
MODELS: Final = _first("model", "model", "usage_hourly", "hour", "model", "model != ''")
SCHEMAS: Final = f"""
SELECT min(first_at) AS time, concat('tools of ', agent) AS text, 'tool schema' AS tags FROM (
    SELECT Timestamp AS first_at, SpanAttributes['gen_ai.agent.name'] AS agent, SpanAttributes['gen_ai.tool.definitions'] AS tools
    FROM mission_control.otel_traces WHERE {PROJECT} AND $__timeFilter(Timestamp) AND mapContains(SpanAttributes, 'gen_ai.tool.definitions'))
GROUP BY agent, tools ORDER BY time LIMIT 100"""
MODES: Final = f"""
SELECT min(timestamp) AS time, concat('permission mode ', mode) AS text, 'permission mode' AS tags FROM (
    SELECT timestamp, context['to_mode'] AS mode FROM mission_control.logs
    WHERE {PROJECT} AND $__timeFilter(timestamp) AND endsWith(event_name, 'permission_mode_changed') AND context['to_mode'] != '')
GROUP BY mode ORDER BY time"""


def annotations() -> list[AnnotationQuery]:
    return [
        _marks("Alerts", ALERTS, "red"),
        _marks("New versions", VERSIONS, "blue"),
        _marks("New models", MODELS, "purple"),
        _marks("New tool schemas", SCHEMAS, "orange", enable=False),  # reads spans
        _marks("New permission modes", MODES, "yellow"),
    ]


def _marks(name: str, sql: str, color: str, enable: bool = True) -> AnnotationQuery:
    return AnnotationQuery(name=name, datasource=source(), enable=enable, icon_color=color, target=Query(sql, Format.TABLE, "Anno"))
