"""The ingest pipeline: what came, what was stored, how late, and what could not be understood."""

from dashboards.board import Board, Row
from dashboards.links import to_board
from dashboards.panels import Column, Look, bars, figure, rows, series
from dashboards.query import PROJECT
from dashboards.variables import console, project

_LEDGER = f"FROM mission_control.ingest_ledger WHERE {PROJECT} AND $__timeFilter(minute)"
_LETTERS = f"FROM mission_control.dead_letters WHERE {PROJECT} AND $__timeFilter(received_at)"


def board() -> Board:
    return Board(
        "mc-ingest",
        "Ingest pipeline",
        "Records received, stored and refused; lag; dead letters.",
        (project(), console()),
        (_figures(), _flow(), _sources(), _letters()),
    )


def _figures() -> Row:
    return Row(
        "In this range",
        4,
        (
            figure("Received", "Records that were acknowledged.", f"SELECT sum(received) AS received {_LEDGER}", Look()),
            figure(
                "Missing",
                "Acknowledged records that are neither stored nor dead letters; those in work count for a moment.",
                f"SELECT sum(received) - sum(stored) - sum(rejected) AS missing {_LEDGER}",
                Look(thresholds=(1, 1000)),
            ),
            figure("Refused", "Records that are dead letters.", f"SELECT sum(rejected) AS refused {_LEDGER}", Look(thresholds=(1, 100))),
            figure("Bytes", "Bytes of the requests.", f"SELECT sum(bytes) AS bytes {_LEDGER}", Look("bytes")),
            figure(
                "Lag", "Longest time from arrival to the tables.", f"SELECT max(lag_ms_max) AS lag {_LEDGER}", Look("ms", (1000, 10_000))
            ),
        ),
        (5, 5, 4, 5, 5),
    )


def _flow() -> Row:
    records = f"SELECT $__timeInterval(minute) AS time, sum(received) AS received, sum(stored) AS stored, sum(rejected) AS refused {_LEDGER} GROUP BY time ORDER BY time"
    lag = f"SELECT $__timeInterval(minute) AS time, toString(signal) AS signal, max(lag_ms_max) AS lag {_LEDGER} GROUP BY time, signal ORDER BY time"
    size = f"SELECT $__timeInterval(minute) AS time, toString(signal) AS signal, sum(bytes) / $__interval_s AS rate {_LEDGER} GROUP BY time, signal ORDER BY time"
    return Row(
        "Flow",
        8,
        (
            series("Records", "Received, stored and refused.", records, Look(links=(to_board("mc-capacity", "Capacity"),))),
            series("Lag", "Longest time from arrival to the tables, by signal.", lag, Look("ms", (1000, 10_000))),
            series("Bytes per second", "By signal, decompressed.", size, Look("Bps")),
        ),
    )


def _sources() -> Row:
    doors = f"SELECT toString(source) AS door, sum(received) AS records {_LEDGER} GROUP BY door ORDER BY records DESC"
    ledger = f"""
        SELECT toString(source) AS door, toString(signal) AS signal, sum(received) AS received, sum(stored) AS stored,
            sum(rejected) AS refused, sum(bytes) AS bytes, max(lag_ms_max) AS lag, max(minute) AS last
        {_LEDGER} GROUP BY door, signal ORDER BY received DESC"""
    columns = [Column("bytes", "bytes"), Column("lag", "ms", thresholds=(1000, 10_000)), Column("refused", thresholds=(1, 100))]
    return Row(
        "Doors",
        8,
        (
            bars("Doors", "Where records came in.", doors, Look()),
            rows("Ledger", "By door and signal.", ledger, Look(columns=columns)),
        ),
        (8, 16),
    )


def _letters() -> Row:
    reasons = f"SELECT $__timeInterval(received_at) AS time, toString(reason) AS reason, count() AS letters {_LETTERS} GROUP BY time, reason ORDER BY time"
    listed = f"""
        SELECT received_at AS at, toString(source) AS door, toString(signal) AS signal, toString(reason) AS reason, error, length(payload) AS size, replayed_at AS replayed
        {_LETTERS} ORDER BY at DESC LIMIT 200"""
    return Row(
        "Dead letters",
        9,
        (
            series("Dead letters", "By reason.", reasons, Look(thresholds=(1, 100)), stacked=True),
            rows(
                "Newest dead letters",
                "The newest 200; `mission-control dead-letters` shows and replays them.",
                listed,
                Look("none", columns=[Column("size", "bytes")]),
            ),
        ),
        (9, 15),
    )
