"""Whether what is stored is what was sent: counted here anew, from the rows and from what the senders know."""

from collections import Counter
from typing import Final

from tests.system.running import System, eventually
from tests.system.traffic import LOGS, METRICS, TOKENS_IN, TOKENS_OUT, TRACES, Sent

LOOKS: Final = 4
STORED: Final = {
    TRACES: "SELECT SpanId AS id FROM otel_traces",
    LOGS: "SELECT Body AS id FROM otel_logs",
    METRICS: "SELECT MetricName AS id FROM otel_metrics_gauge",
}
SIGNALS: Final = {TRACES: "otlp_spans", LOGS: "otlp_logs", METRICS: "otlp_metrics"}
RECOUNT: Final = """
    SELECT SpanAttributes['gen_ai.conversation.id'] AS thread_id, toUInt32(count()) AS step_count, toUInt32(uniqExact(TraceId)) AS turns
    FROM otel_traces GROUP BY thread_id ORDER BY thread_id"""
SUMMARIES: Final = """
    SELECT thread_id, step_count, llm_calls, tool_calls, input_tokens, output_tokens, status, permission_checks
    FROM threads WHERE step_count > 0 ORDER BY thread_id"""
SHOWN: Final = """
    SELECT thread_id, toUInt32(count()) AS step_count, toUInt32(max(sequence)) AS last FROM execution_steps GROUP BY thread_id ORDER BY thread_id"""


def backlog(system: System) -> int:
    """Records of the log that no ledger row speaks of yet cannot be seen from outside, so ask the pipeline's own gauges."""
    metrics = system.metrics()
    waiting = [
        value
        for name, value in metrics.items()
        if name.startswith(("mission_control_log_backlog_bytes", "mission_control_summary_backlog"))
    ]
    return int(sum(waiting))


def at_rest(system: System, patience: float = 300) -> bool:
    """Until nothing waits, at several looks in a row: between the log and the summaries a record is for a moment in nobody's count."""
    looks = 0

    def look() -> int:
        nonlocal looks
        looks = 0 if backlog(system) else looks + 1
        return looks

    return eventually(look, lambda found: found >= LOOKS, patience) >= LOOKS


def check_all(system: System, sent: Sent) -> None:
    """Every acknowledged record once, nothing that was not sent, every summary right, the ledger in balance."""
    assert at_rest(system)
    check_stored(system, sent)


def check_stored(system: System, sent: Sent) -> None:
    """The same of what is known to be stored, whoever stored it; summaries and the ledger may follow."""
    for path in STORED:
        check_rows(system, sent, path)
    check_threads(system)
    for path in STORED:
        check_ledger(system, path)


def check_rows(system: System, sent: Sent, path: str) -> None:
    rows = Counter(row["id"] for row in system.sql(STORED[path]))
    lost = sent.ids(path) - rows.keys()
    assert not lost, f"{len(lost)} of {len(sent.ids(path))} acknowledged records of {path} are lost"
    assert rows.keys() <= sent.tried_ids(path)
    assert [name for name, times in rows.items() if times > 1] == []


def check_ledger(system: System, path: str) -> None:
    """Nobody sends twice here, so the ledger speaks of exactly the rows there are. It is written a moment later."""
    stored = system.number(f"SELECT count() FROM ({STORED[path]})")
    sums = "SELECT sum(received) AS received, sum(stored) AS stored, sum(rejected) AS rejected FROM ingest_ledger"
    wanted = {"received": stored, "stored": stored, "rejected": 0}
    query = f"{sums} WHERE signal = '{SIGNALS[path]}'"
    assert eventually(lambda: as_numbers(system.sql(query))[0], lambda found: found == wanted) == wanted


def check_threads(system: System) -> None:
    """The summaries of threads and steps against a recount of the spans."""
    recounted = system.sql(RECOUNT)
    wanted = [
        {
            "thread_id": row["thread_id"],
            "step_count": row["step_count"],
            "llm_calls": row["turns"],
            "tool_calls": row["turns"],
            "input_tokens": TOKENS_IN * row["turns"],
            "output_tokens": TOKENS_OUT * row["turns"],
            "status": "complete",
            "permission_checks": checks(system).get(row["thread_id"], 0),
        }
        for row in recounted
    ]
    found = eventually(lambda: as_numbers(system.sql(SUMMARIES)), lambda rows: rows == wanted)
    wrong = [(row, right) for row, right in zip(found, wanted, strict=False) if row != right]
    assert found == wanted, f"{len(found)} summaries of {len(wanted)} threads; wrong: {wrong}"
    shown = [{"thread_id": row["thread_id"], "step_count": row["step_count"], "last": row["step_count"]} for row in recounted]
    assert eventually(lambda: system.sql(SHOWN), lambda rows: rows == shown) == shown


def checks(system: System) -> dict[str, int]:
    """Denials that lie in the log records, per thread."""
    rows = system.sql("SELECT thread_id, count() AS checks FROM logs WHERE event_name = 'permission.check' GROUP BY thread_id")
    return {row["thread_id"]: int(row["checks"]) for row in rows}


def as_numbers(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """64-bit numbers come as text in JSON."""
    return [{name: int(value) if isinstance(value, str) and value.isdigit() else value for name, value in row.items()} for row in rows]
