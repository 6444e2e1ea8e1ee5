"""Cold: rows leave the store as Parquet a day before their time is up, can be searched there, and be put back.

The store deletes nothing that is not archived: the embedded engine does not delete by age at all, a round has it merge what is too old away;
a server's TTL stands still from `hold` on until a round succeeded, and again after one that failed.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from operations.archive_files import ArchivedFile, ArchiveFiles, Group, Wanted, blocks
from schemas.store import Store

TABLES: Final = {
    "spans": "received", "message_rows": "received", "message_bodies": "received", "log_records": "received", "thread_activity": "received",
    "metric_points": "received", "permission_rows": "received", "score_records": "received", "steps": "received", "traces": "last_received",
    "trace_summaries": "last_received", "thread_summaries": "last_received",
}  # fmt: skip
"""Tables whose rows have an end, and the column that says when they arrived."""
MARGIN_DAYS: Final = 1
"""Archived that long before the store may delete them: a round that fails can be repeated."""
LONGEST_DAYS: Final = 65535


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    files: int = 0
    rows: int = 0
    removed: int = 0


def _today() -> date:
    return datetime.now(UTC).date()


class Archive:
    """`days` after their arrival archived rows are deleted for good. A store that `forgets` deletes by age itself (a server does).

    Blocking; one thread at a time.
    """

    def __init__(self, store: Store, files: ArchiveFiles, days: int, forgets: bool = False, today: Callable[[], date] = _today) -> None:
        self._store, self.files, self._days, self._forgets, self._today = store, files, days, forgets, today

    def hold(self) -> None:
        """From now on nothing is deleted by age."""
        self._store.command("SYSTEM STOP TTL MERGES")

    def round(self) -> Round:
        """Archive what is due, let the store delete it, and delete archived rows that are too old. Raises DatabaseError, OSError."""
        self.hold()
        written = [self.files.write(group, self._rows(group)) for group in self._due() if not self.files.has(group)]
        self._store.command("SYSTEM START TTL MERGES")
        if not self._forgets:
            self._let_go()
        removed = self.files.remove_before(self._today() - timedelta(days=self._days))
        return Round(len(written), sum(written), removed)

    def _let_go(self) -> None:
        """Where whole days are too old, a merge leaves them out. On most days that is one part of each table."""
        query = "SELECT DISTINCT _partition_id AS part FROM {table} WHERE toDate({column}) + toIntervalDay(retention_days) < {{today:Date}}"
        for table, column in TABLES.items():
            for row in self._store.query(query.format(table=table, column=column), {"today": self._today()}):
                self._store.command(f"OPTIMIZE TABLE {table} PARTITION ID '{row['part']}' FINAL")

    def _due(self) -> list[Group]:
        """Only days that are over: nothing is received on them any more."""
        return [group for table, column in TABLES.items() for group in self._due_of(table, column)]

    def _due_of(self, table: str, column: str) -> Iterator[Group]:
        query = f"""SELECT project, toDate({column}) AS day, retention_days FROM {table}
            WHERE day < {{today:Date}} AND day >= {{oldest:Date}} AND day + toIntervalDay(retention_days) <= {{today:Date}} + toIntervalDay({MARGIN_DAYS})
            GROUP BY project, day, retention_days ORDER BY project, day, retention_days"""
        today = self._today()
        limits = {"today": today, "oldest": max(today - timedelta(days=self._days), date(1970, 1, 1))}
        return (Group(table, row["project"], row["day"], int(row["retention_days"])) for row in self._store.query(query, limits))

    def _rows(self, group: Group) -> Iterator[pa.Table]:
        """Hour by hour, so that a busy day does not have to fit into memory."""
        column = TABLES[group.table]
        query = f"""SELECT * FROM {group.table} FINAL WHERE project = {{project:String}} AND retention_days = {{days:UInt16}}
            AND toDate({column}) = {{day:Date}} AND toHour({column}) = {{hour:UInt8}}"""
        for hour in range(24):
            parameters = {"project": group.project, "days": group.retention_days, "day": group.day, "hour": hour}
            found = self._store.arrow(query, parameters)
            if found.num_rows:
                yield found

    def restore(self, wanted: Wanted, keep_days: int) -> Round:
        """Put archived rows back, for `keep_days` from today; what is there already stays one row. Raises DatabaseError, OSError."""
        restored = [self._put_back(file, keep_days) for file in self.files.files(wanted)]
        return Round(len(restored), sum(restored))

    def _put_back(self, file: ArchivedFile, keep_days: int) -> int:
        days = min((self._today() - file.group.day).days + keep_days, LONGEST_DAYS)
        self.files.mark_restored(file.group, days)
        for block in blocks(file):
            place = block.schema.get_field_index("retention_days")
            kept = block.set_column(place, "retention_days", pa.array([days] * block.num_rows, pa.uint16()))
            for batch in kept.to_batches():
                self._store.insert(file.group.table, batch)
        return file.rows


def search(files: ArchiveFiles, wanted: Wanted, text: str, limit: int) -> Iterator[dict[str, Any]]:
    """Archived rows that contain `text` anywhere (letter case does not matter), each with the table it comes from; at most `limit`."""
    looked_for, left = text.lower(), limit
    for file in files.files(wanted):
        for block in blocks(file):
            for row in block.to_pylist():
                if left and looked_for in (shown := json.dumps(row, default=plain, ensure_ascii=False)).lower():
                    left -= 1
                    yield {"table": file.group.table, **json.loads(shown)}
            if not left:
                return


def plain(value: Any) -> str:
    """What JSON has no word for: bytes are hashes here, shown as in the views."""
    return value.hex() if isinstance(value, bytes) else str(value)
