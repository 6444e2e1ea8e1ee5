"""Bring the store's schema up to date: numbered files run once, forward only; views are laid anew when their text changed."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

from schemas.store import Store

_STATE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name"""


def statements(text: str) -> list[str]:
    """The statements of a file: each ends with a semicolon at a line's end; comment lines stay with theirs."""
    parts = [part.strip() for part in (text + "\n").split(";\n")]
    return [part for part in parts if part and not all(line.startswith("--") for line in part.splitlines())]


def migrate(store: Store) -> list[str]:
    """Apply what is missing and return its names, in order. Safe to repeat."""
    store.command(_STATE)
    rows = store.query("SELECT name, checksum FROM schema_migrations FINAL")
    applied = {str(row["name"]): str(row["checksum"]) for row in rows}
    done = []
    for source in _sources():
        name, text = source.name, source.read_text(encoding="utf-8")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        is_view = not name[0].isdigit()
        if applied.get(name) == checksum or (name in applied and not is_view):
            continue
        for statement in statements(text):
            store.command(statement)
        store.command(
            "INSERT INTO schema_migrations (name, checksum) VALUES ({name:String}, {sum:String})", {"name": name, "sum": checksum}
        )
        done.append(name)
    return done


def _sources() -> list[Traversable]:
    root = files("schemas")
    numbered = sorted((root / "migrations").iterdir(), key=lambda source: source.name)
    views = sorted((root / "views").iterdir(), key=lambda source: source.name)
    return [source for source in (*numbered, *views) if source.name.endswith(".sql")]
