"""Mission Control itself, by its own metrics: scrape `/metrics` with a collector that sends them back as OTLP (docs/grafana.md)."""

from dashboards.board import Board, Row
from dashboards.links import to_board
from dashboards.own_metrics import gauge, mean_seconds, rate
from dashboards.panels import Look, bars, figure, rows, series
from dashboards.variables import console, own_project

_AUDIT = "FROM mission_control.audit_events WHERE project = ${project:singlequote} AND $__timeFilter(timestamp)"


def board() -> Board:
    return Board(
        "mc-itself",
        "Mission Control itself",
        "Its own load, queues, errors and memory. The project is the one its metrics are sent to.",
        (own_project(), console()),
        (_figures(), _doors(), _pipeline(), _readers(), _audit()),
    )


def _figures() -> Row:
    return Row(
        "Now",
        4,
        (
            figure(
                "Backlog",
                "Bytes in the log that wait for the store.",
                gauge("mission_control_log_backlog_bytes", last=True),
                Look("bytes", (1 << 26, 1 << 30)),
            ),
            figure(
                "Behind",
                "Age of the oldest commit whose summaries are missing.",
                gauge("mission_control_summary_lag_seconds", last=True),
                Look("s", (1, 10)),
            ),
            figure(
                "Engine memory",
                "Memory that the embedded engine tracks.",
                gauge("mission_control_store_memory_bytes", last=True),
                Look("bytes", (1 << 30, 2 << 30)),
            ),
            figure(
                "WebSockets", "Open connections.", gauge("mission_control_websocket_connections", last=True), Look(thresholds=(500, 900))
            ),
        ),
    )


def _doors() -> Row:
    return Row(
        "Doors",
        8,
        (
            series("OTLP requests", "By outcome, per second.", rate("mission_control_otlp_requests_total", "outcome"), Look("reqps")),
            series(
                "Records", "Acknowledged per second, by signal.", rate("mission_control_otlp_records_accepted_total", "signal"), Look("cps")
            ),
            series(
                "Time of a request",
                "Mean from first byte to answer, by signal.",
                mean_seconds("mission_control_otlp_request_seconds", "signal"),
                Look("s", (0.1, 1)),
            ),
        ),
    )


def _pipeline() -> Row:
    return Row(
        "Pipeline",
        8,
        (
            series(
                "Waiting",
                "Records appended and not committed, by signal.",
                gauge("mission_control_pipeline_lag_records", "signal"),
                Look(thresholds=(1000, 100_000)),
            ),
            series(
                "Time to commit",
                "Mean from arrival to commit, by signal.",
                mean_seconds("mission_control_pipeline_commit_delay_seconds", "signal"),
                Look("s", (0.2, 1)),
            ),
            series("Rows", "Inserted per second, by table.", rate("mission_control_pipeline_inserted_rows_total", "table"), Look("wps")),
            series(
                "Appends refused",
                "Per second, by reason; senders got 503.",
                rate("mission_control_log_refused_total", "reason"),
                Look("reqps", (0.01, 1), links=(to_board("mc-capacity", "Capacity"),)),
            ),
        ),
    )


def _readers() -> Row:
    return Row(
        "Readers",
        8,
        (
            series("API requests", "Per second, by status.", rate("mission_control_api_requests_total", "status"), Look("reqps")),
            series(
                "Time of an API request",
                "Mean by route.",
                mean_seconds("mission_control_api_request_seconds", "route"),
                Look("s", (0.1, 1)),
            ),
            series("SQL queries", "Per second, by outcome.", rate("mission_control_sql_queries_total", "outcome"), Look("reqps")),
            series(
                "Events dropped",
                "Per second, because a client read too slowly.",
                rate("mission_control_websocket_dropped_events_total"),
                Look("cps", (0.1, 10)),
            ),
        ),
    )


def _audit() -> Row:
    done = f"""
        SELECT timestamp AS at, toString(actor) AS actor, toString(action) AS action, target, toString(outcome) AS outcome, toString(severity) AS severity
        {_AUDIT} ORDER BY at DESC LIMIT 200"""
    people = f"SELECT toString(actor) AS actor, count() AS actions {_AUDIT} GROUP BY actor ORDER BY actions DESC LIMIT 10"
    return Row(
        "Audit",
        8,
        (
            rows("Audit", "Who did what, the newest first.", done, Look("none")),
            bars("Actors", "By actions.", people, Look()),
        ),
        (16, 8),
    )
