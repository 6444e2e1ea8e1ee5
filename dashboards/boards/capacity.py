"""How much there is, how fast it grows, and when it will be too much."""

from dashboards.board import Board, Row
from dashboards.links import to_board
from dashboards.own_metrics import gauge
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT
from dashboards.sources import BUCKET, LLM_CALLS, TOOL_CALLS
from dashboards.variables import console, mcp, project

_LEDGER = f"FROM mission_control.ingest_ledger WHERE {PROJECT} AND $__timeFilter(minute)"


def board() -> Board:
    return Board(
        "mc-capacity",
        "Capacity",
        "Load, growth, disk and memory over long ranges.",
        (project(), mcp(), console()),
        (_figures(), _load(), _storage(), _heads()),
        since="now-90d",
        refresh="15m",
    )


def _figures() -> Row:
    return Row(
        "Load",
        4,
        (
            figure(
                "Records a day",
                "Mean of days with records.",
                f"SELECT avgOrNull(n) AS records FROM (SELECT toDate(minute) AS day, sum(received) AS n {_LEDGER} GROUP BY day)",
                Look(),
            ),
            figure(
                "Bytes a day",
                "Mean of days with records, decompressed.",
                f"SELECT avgOrNull(n) AS bytes FROM (SELECT toDate(minute) AS day, sum(bytes) AS n {_LEDGER} GROUP BY day)",
                Look("bytes"),
            ),
            figure(
                "Busiest minute",
                "Most records in one minute.",
                f"SELECT max(n) AS records FROM (SELECT minute, sum(received) AS n {_LEDGER} GROUP BY minute)",
                Look(thresholds=(1_000_000, 3_000_000)),
            ),
            figure("On disk", "Bytes of active parts.", gauge("mission_control_store_disk_bytes", last=True), Look("bytes")),
            figure(
                "Parts",
                "Active parts of all tables.",
                gauge("mission_control_store_parts", last=True),
                Look(thresholds=(1000, 3000), links=(to_board("mc-itself", "Mission Control itself"),)),
            ),
        ),
        (5, 5, 5, 5, 4),
    )


def _load() -> Row:
    per_second = f"SELECT $__timeInterval(minute) AS time, toString(signal) AS signal, sum(received) / $__interval_s AS rate {_LEDGER} GROUP BY time, signal ORDER BY time"
    return Row(
        "Growth",
        8,
        (
            series("Records per second", "By signal.", per_second, Look("cps")),
            series(
                "Tool calls",
                "By server.",
                f"SELECT {BUCKET}, toString(mcp_id) AS mcp, sum(calls) AS calls FROM {TOOL_CALLS} GROUP BY time, mcp ORDER BY time",
                Look(),
                stacked=True,
            ),
            series(
                "Tokens",
                "By model.",
                f"SELECT {BUCKET}, toString(model) AS model, sum(input_tokens + output_tokens) AS tokens FROM {LLM_CALLS} GROUP BY time, model ORDER BY time",
                Look(),
                stacked=True,
            ),
        ),
    )


def _storage() -> Row:
    return Row(
        "Disk and memory",
        8,
        (
            series(
                "Disk", "Bytes of active parts by table.", gauge("mission_control_store_disk_bytes", "table"), Look("bytes"), stacked=True
            ),
            series(
                "Log",
                "Size of the local log by topic.",
                gauge("mission_control_log_bytes", "topic"),
                Look("bytes", (1 << 31, 1 << 32)),
                stacked=True,
            ),
            series(
                "Engine memory",
                "Memory that the embedded engine tracks.",
                gauge("mission_control_store_memory_bytes"),
                Look("bytes", (1 << 30, 2 << 30)),
            ),
        ),
    )


def _heads() -> Row:
    heaviest = """
        SELECT toString(project) AS project, sum(bytes) AS bytes FROM mission_control.ingest_ledger WHERE $__timeFilter(minute)
        GROUP BY project ORDER BY bytes DESC LIMIT 20"""
    days = f"""
        SELECT toDate(minute) AS day, sum(received) AS records, sum(bytes) AS bytes, sum(rejected) AS refused, max(lag_ms_max) AS lag {_LEDGER}
        GROUP BY day ORDER BY day DESC LIMIT 100"""
    return Row(
        "Who and when",
        9,
        (
            bars("Heaviest projects", "Bytes received, of every project.", heaviest, Look("bytes")),
            rows(
                "Days",
                "One line for each day.",
                days,
                Look(columns=[Column("bytes", "bytes"), Column("lag", "ms"), Column("records", gauge=True)]),
            ),
        ),
        (8, 16),
    )
