"""Questions to people that a thread answered by going on: nothing says so but what it does next.

LangGraph's interrupts, deferred calls and MCP's `input_required` ask. When the graph goes on, when the call that was asked about comes again, the
question has been answered, and a decision beside it says when. It is derived anew from the steps whenever the thread is summarised, so late steps
make it earlier, and it stands back behind every decision that a sender states.
"""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import ThreadKey
from pipeline.columns import times
from pipeline.dialects.decisions import APPROVAL_REQUIRED, DEFERRED, INPUT_REQUIRED, INTERRUPT
from pipeline.summaries.rollups import HOUR
from pipeline.summaries.statements import statement
from schemas.store import Store

KINDS: Final = (INTERRUPT, APPROVAL_REQUIRED, DEFERRED, INPUT_REQUIRED)
RESUMED: Final = "resumed"
"""Reason code of what is derived here."""
Row = dict[str, Any]
_JOINED: Final = ("known_version", "known_gone", "known_by", "known_at")


class Answers(NamedTuple):
    """Rows of `permission_rows` as written, also those that take an answer back; hours (seconds since 1970) in which the questions were put."""

    rows: pa.Table
    hours: frozenset[int]

    @property
    def given(self) -> pa.Table:
        return self.rows.filter(pc.equal(self.rows.column("is_deleted"), 0))


def answer(store: Store, threads: Collection[ThreadKey]) -> Answers | None:
    """Writes what the steps of these threads say now about their questions; None when that is known."""
    keys = sorted(threads)
    parameters = {"projects": [key[0] for key in keys], "threads": [key[1] for key in keys], "kinds": list(KINDS)}
    asked = store.arrow(statement("questions"), parameters)
    if not asked.num_rows:
        return None
    went_on = store.query(statement("answers"), {**parameters, "interrupt": INTERRUPT, "input": INPUT_REQUIRED})
    answers = {(row["project"], row["thread_id"], row["event_id"]): row["at"] for row in went_on}
    rows = asked.select(["project", "thread_id", "event_id", "timestamp", *_JOINED]).to_pylist()
    found = [answers.get((row["project"], row["thread_id"], row["event_id"])) for row in rows]
    return _write(store, asked, rows, found)


def _write(store: Store, asked: pa.Table, rows: list[Row], found: list[int | None]) -> Answers | None:
    """What differs from what is known; a version smaller than any that a statement has."""
    chosen = [place for place, (row, at) in enumerate(zip(rows, found, strict=True)) if _differs(row, at)]
    if not chosen:
        return None
    decided = {
        "phase": ["decision"] * len(chosen),
        "result": ["allow"] * len(chosen),
        "reason_code": [RESUMED] * len(chosen),
        "source": ["user"] * len(chosen),
        "log_topic": [""] * len(chosen),
        "version": [rows[place]["known_version"] + 2 for place in chosen],
        "is_deleted": [0 if found[place] else 1 for place in chosen],
    }
    table = asked.take(pa.array(chosen, pa.int64())).drop_columns(list(_JOINED))
    for name, values in decided.items():
        column = table.schema.get_field_index(name)
        kind = table.schema.field(name).type
        table = table.set_column(column, name, pa.array(values, kind.value_type if pa.types.is_dictionary(kind) else kind))
    at = times([found[place] or rows[place]["known_at"] for place in chosen])
    table = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", at).combine_chunks()
    for batch in table.to_batches():
        store.insert("permission_rows", batch)
    return Answers(table, frozenset(rows[place]["timestamp"] // 10**9 // HOUR * HOUR for place in chosen))


def _differs(row: Row, at: int | None) -> bool:
    """Whether there is something to write: never over a sender's own word."""
    known = row["known_version"] > 0
    if known and row["known_by"]:
        return False
    stands = known and not row["known_gone"]
    return stands != (at is not None) or (stands and row["known_at"] != at)
