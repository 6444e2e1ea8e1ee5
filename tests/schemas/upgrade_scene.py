"""A store of the first released schema with data in it, brought up to date: `python -m tests.schemas.upgrade_scene DIRECTORY`, in a process
of its own because an engine has one path. Says as JSON what was there before and what is there afterwards."""

import json
import os
import sys
from pathlib import Path
from unittest.mock import patch

from schemas import migrate as migrations
from schemas.store import ClickHouseStore, open_embedded

RELEASED = tuple(f"{number:04}" for number in range(1, 9))
ROWS = 200
ALIVE = {"retention_days": "3650", "is_deleted": "0", "project": "'upgraded'", "received": "now()", "last_received": "now()"}
"""Of random rows, what must not be random: else some would be gone by right."""


def columns(store: ClickHouseStore) -> dict[str, dict[str, str]]:
    """Table → column → type."""
    query = """SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table IN
        (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree') ORDER BY table, position"""
    found: dict[str, dict[str, str]] = {}
    for row in store.query(query):
        if row["table"] != "schema_migrations":
            found.setdefault(row["table"], {})[row["name"]] = row["type"]
    return found


def plain(kind: str) -> str:
    """What a simple aggregate is kept as."""
    return kind.partition(", ")[2].removesuffix(")") if kind.startswith("SimpleAggregateFunction") else kind


def fill(store: ClickHouseStore, table: str, types: dict[str, str]) -> None:
    random = {name: plain(kind) for name, kind in types.items() if name not in ALIVE and not kind.startswith("AggregateFunction")}
    structure = ", ".join(f"`{name}` {kind}" for name, kind in random.items()).replace("\\'", "'").replace("'", "''")
    fixed = {name: value for name, value in ALIVE.items() if name in types}
    names = ", ".join(f"`{name}`" for name in (*random, *fixed))
    chosen = ", ".join(("*", *fixed.values()))
    store.command(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM generateRandom('{structure}', 1, 6, 2) LIMIT {ROWS}")


def contents(store: ClickHouseStore, known: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Rows and a hash of them per table, over the columns of the old schema."""
    found = {}
    for table, types in known.items():
        names = ", ".join(f"`{name}`" for name in types)
        (row,) = store.query(f"SELECT count() AS n, groupBitXor(cityHash64({names})) AS hash FROM {table} FINAL")
        found[table] = [str(row["n"]), str(row["hash"])]
    return found


def main(place: Path) -> None:
    store = open_embedded(place, 1 << 30, 16 << 20)
    everything = migrations._sources
    with patch.object(migrations, "_sources", lambda: [source for source in everything() if source.name[:4] in RELEASED]):
        first = migrations.migrate(store)
    known = columns(store)
    for table, types in known.items():
        fill(store, table, types)
    before = contents(store, known)
    applied = migrations.migrate(store)
    views = [
        row["name"]
        for row in store.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name")
    ]
    readable = {name: int(store.query(f"SELECT count() AS n FROM {name}")[0]["n"]) for name in views}
    said = {
        "first": first,
        "applied": applied,
        "again": migrations.migrate(store),
        "before": before,
        "after": contents(store, known),
        "views": readable,
    }
    print(json.dumps(said))
    sys.stdout.flush()
    store.close()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
