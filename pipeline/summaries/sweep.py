"""Find what has newer rows than its summary says: after a crash between commit and summary, and every minute to be sure."""

from typing import Final

from pipeline.batch import ThreadKey, TraceKey
from pipeline.summaries.statements import statement
from pipeline.summaries.traces import MOST_WAITING
from schemas.store import Store

AT_START: Final = 3600
EVERY_MINUTE: Final = 300
"""Seconds back that a sweep looks."""


def unsummarised(store: Store, seconds: int) -> tuple[dict[TraceKey, int], dict[ThreadKey, int]]:
    """Traces and threads whose rows of the last `seconds` are not in their summaries, with the oldest receipt (ns).

    A look back to AT_START or further also finds what only memory knew: what waits for the spans of its trace, and what was
    received before, but stored after, the summary that it misses in (a late batch, a crash).
    """
    start = seconds >= AT_START
    traces = store.query(statement("stale_traces"), {"seconds": seconds, "start": int(start)})
    threads = store.query(statement("stale_threads"), {"seconds": seconds, "start": int(start)})
    waiting = store.query(statement("unplaced_traces"), {"seconds": seconds, "most": MOST_WAITING}) if start else []
    found: dict[TraceKey, int] = {}
    for row in (*traces, *waiting):
        key = (row["project"], row["trace_id"])
        found[key] = min(row["received"], found.get(key, row["received"]))
    return found, {(row["project"], row["thread_id"]): row["received"] for row in threads}
