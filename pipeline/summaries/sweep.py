"""Find what has newer rows than its summary says: after a crash between commit and summary, and every minute to be sure."""

from typing import Final

from pipeline.batch import ThreadKey, TraceKey
from pipeline.summaries.statements import statement
from schemas.store import Store

AT_START: Final = 3600
EVERY_MINUTE: Final = 300
"""Seconds back that a sweep looks."""


def unsummarised(store: Store, seconds: int) -> tuple[dict[TraceKey, int], dict[ThreadKey, int]]:
    """Traces and threads whose rows of the last `seconds` are not in their summaries, with the oldest receipt (ns)."""
    traces = store.query(statement("stale_traces"), {"seconds": seconds})
    threads = store.query(statement("stale_threads"), {"seconds": seconds})
    return (
        {(row["project"], row["trace_id"]): row["received"] for row in traces},
        {(row["project"], row["thread_id"]): row["received"] for row in threads},
    )
