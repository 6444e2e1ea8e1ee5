"""Hot and warm: which rows lie on which volume of the store. Cold is `operations/archive.py`."""

import re
from typing import Final

from schemas.store import DATABASE, Store
from schemas.store_volumes import WARM

TABLES: Final = ("spans", "steps", "message_rows", "log_records", "metric_points")
"""Partitioned by day of receipt: whole parts grow old together."""
_MOVES: Final = re.compile(r"toIntervalDay\((\d+)\) TO VOLUME")


def move_after(store: Store, days: int) -> list[str]:
    """Have rows move to the volume `warm` once they are `days` old; returns the tables whose rule changed. Safe to repeat."""
    rows = store.query(
        "SELECT name, create_table_query AS ddl FROM system.tables WHERE database = {database:String}", {"database": DATABASE}
    )
    rules = {str(row["name"]): _MOVES.findall(str(row["ddl"])) for row in rows}
    changed = [table for table in TABLES if rules.get(table) != [str(days)]]
    for table in changed:
        store.command(
            f"ALTER TABLE {table} MODIFY TTL toDateTime(received) + toIntervalDay({days}) TO VOLUME IF EXISTS '{WARM}',"
            " toDateTime(received) + toIntervalDay(retention_days)"
        )
    return changed


def volumes(store: Store) -> dict[str, int]:
    """Bytes of our tables per disk."""
    query = (
        "SELECT disk_name, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = {database:String} GROUP BY disk_name"
    )
    return {str(row["disk_name"]): int(row["bytes"]) for row in store.query(query, {"database": DATABASE})}


def is_encrypted(store: Store) -> bool:
    """Whether every disk that our tables may use encrypts what is written to it."""
    rows = store.query(
        "SELECT min(is_encrypted) AS all_encrypted FROM system.disks WHERE name IN ("
        "SELECT arrayJoin(disks) FROM system.storage_policies WHERE policy_name IN ("
        "SELECT storage_policy FROM system.tables WHERE database = {database:String} AND storage_policy != ''))",
        {"database": DATABASE},
    )
    return bool(rows and rows[0]["all_encrypted"])
