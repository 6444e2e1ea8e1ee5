"""Calls that log events told, where spans of the same calls have come (`pipeline/dialects/same_call.py`). Pure."""

from collections.abc import Sequence

from pipeline.dialects.same_call import COVER
from pipeline.summaries.facts import Columns
from pipeline.summaries.segment import Segment


def uncovered(columns: Columns, rows: list[int]) -> list[int]:
    """Rows of one trace, by start, without covers and without as many of the told calls, the earliest first."""
    types = columns["type"]
    covers = [types[row] for row in rows].count(COVER)
    return [row for row in rows if types[row] != COVER][covers:] if covers else rows


def nothing(columns: Columns, rows: Sequence[int]) -> dict[str, Segment]:
    """What a trace of covered calls contributes to its thread: that it was there, and not a step."""
    row = rows[0]
    started = columns["started"][row]
    segment = Segment(columns["trace_id"][row], started=started, last_seen=started, status="complete")
    segment.received = max(columns["received_ns"][one] for one in rows)
    segment.retention_days = max(columns["retention_days"][one] for one in rows)
    return {columns["thread_key"][row]: segment}
