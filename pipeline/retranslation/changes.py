"""What a new mapping of stored records changes, row by row. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pipeline.retranslation.stored import Row, SpanKey

_INT: Final = pa.int64()
_NEVER: Final = 2**63
_MESSAGE: Final = (
    "project",
    "trace_id",
    "role",
    "content_hash",
    "occurrence",
    "direction",
    "position",
    "tool_call_id",
    "tool_name",
    "finish_reason",
)
_NOT_SAID: Final = frozenset(
    {"thread_id", "version", "received", "is_deleted", "log_partition", "log_offset", "retention_days", "sender_key_id"}
)
"""What a row of `permission_rows` has beside what it says."""
_RECORD: Final = ("origin", "final", "log_partition", "log_offset")


def plain(batch: pa.RecordBatch | None) -> list[Row]:
    """Rows as the statements give them: times in nanoseconds."""
    if batch is None:
        return []
    columns = [_plain(array) for array in batch.columns]
    rows: list[Row] = pa.table(columns, names=batch.schema.names).to_pylist()
    return rows


def _plain(array: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(array.type):
        return array.view(_INT)
    if pa.types.is_list(array.type) and pa.types.is_timestamp(array.type.value_type):
        return pa.ListArray.from_arrays(array.offsets, array.values.view(_INT))
    return array


def changed_spans(batch: pa.RecordBatch, rows: Sequence[Row], stored: Mapping[SpanKey, Row]) -> pa.RecordBatch | None:
    """What has to be written: what no stronger row stands for, and the same record where it says something else now, as a newer version."""
    chosen, versions = [], []
    for place, row in enumerate(rows):
        before = stored.get((row["project"], row["TraceId"], row["SpanId"]))
        if before is None or before["version"] < row["version"]:
            chosen.append(place)
            versions.append(row["version"])
        elif all(before[name] == row[name] for name in _RECORD) and _differ(before, row):
            chosen.append(place)
            versions.append(before["version"] + 1)
    return _taken(batch, chosen, versions)


def changed_logs(batch: pa.RecordBatch, rows: Sequence[Row], stored: Mapping[bytes, Row]) -> pa.RecordBatch | None:
    """Records (by id) that say something else now, as newer versions; even ones, as they are where nobody has placed the record."""
    chosen, versions = [], []
    for place, row in enumerate(rows):
        before = stored[row["record_id"]]
        placed = before["version"] % 2 == 1
        if _differ(before, row, ("thread_id",) if placed and not row["thread_id"] else ()):
            chosen.append(place)
            versions.append(before["version"] + (1 if placed else 2))
    return _taken(batch, chosen, versions)


def _differ(before: Row, row: Row, but: Sequence[str] = ()) -> bool:
    return any(_value(before[name]) != _value(value) for name, value in row.items() if name != "version" and name not in but)


def _value(value: Any) -> Any:
    """Maps have no order."""
    if isinstance(value, list):
        return dict(value) if value and isinstance(value[0], tuple) else [_value(one) for one in value]
    return value


def _taken(batch: pa.RecordBatch, chosen: Sequence[int], versions: Sequence[int]) -> pa.RecordBatch | None:
    if not chosen:
        return None
    taken = batch.take(pa.array(chosen, pa.int64()))
    return taken.set_column(taken.schema.get_field_index("version"), "version", pa.array(versions, pa.uint64()))


def message_changes(stored: Sequence[Row], made: Sequence[Row], left: Collection[str]) -> tuple[list[Row], list[int]]:
    """Stored messages that nobody says any more, not then and not before, and places of new ones. `left`: steps that were not mapped."""
    said: dict[Any, int] = {}
    for row in made:
        key = _message(row), row["thread_id"]
        said[key] = min(row["timestamp"], said.get(key, row["timestamp"]))

    def stands(row: Row) -> bool:
        return any(said.get((_message(row), thread), _NEVER) <= row["timestamp"] for thread in (row["thread_id"], row["trace_id"]))

    stale = [row for row in stored if row["step_id"] not in left and not stands(row)]
    gone = {id(row) for row in stale}
    there = {(_message(row), row["step_id"]) for row in stored if id(row) not in gone}
    return stale, [place for place, row in enumerate(made) if (_message(row), row["step_id"]) not in there]


def _message(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _MESSAGE)


def check_changes(stored: Sequence[Row], made: Sequence[Row]) -> tuple[list[Row], list[int]]:
    """The same of permission checks. One that names no thread lies under its trace's id until it is placed, so under any thread it is the same."""
    threads: dict[Any, set[str]] = {}
    for row in made:
        threads.setdefault(_check(row), set()).add(row["thread_id"])
    stale = [row for row in stored if not {row["thread_id"], row["trace_id"]} & threads.get(_check(row), set())]
    gone = {id(row) for row in stale}
    there = {_check(row) for row in stored if id(row) not in gone}
    return stale, [place for place, row in enumerate(made) if _check(row) not in there]


def _check(row: Row) -> tuple[Any, ...]:
    return tuple(value for name, value in sorted(row.items()) if name not in _NOT_SAID)
