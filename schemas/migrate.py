"""Bring the store's schema up to date: numbered files run once, forward only; views are laid anew when their text changed."""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable

from schemas.cluster import for_cluster
from schemas.store import Store

_STATE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name"""


def statements(text: str) -> list[str]:
    """The statements of a file: each ends with a semicolon at a line's end; comment lines stay with theirs."""
    parts = [part.strip() for part in (text + "\n").split(";\n")]
    return [part for part in parts if part and not all(line.startswith("--") for line in part.splitlines())]


def migrate(store: Store, cluster: str = "") -> list[str]:
    """Apply what is missing and return its names, in order; on all nodes of `cluster`, if one is named. Safe to repeat."""
    rendered = layout(cluster)
    for statement in rendered(_STATE):
        store.command(statement)
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
            for command in rendered(statement):
                store.command(command)
        store.command(
            "INSERT INTO schema_migrations (name, checksum) VALUES ({name:String}, {sum:String})", {"name": name, "sum": checksum}
        )
        done.append(name)
    return done


def layout(cluster: str) -> Callable[[str], list[str]]:
    """One statement as it is sent: to a single node as it stands, to a cluster in the forms of `schemas/cluster.py`."""
    return for_cluster(cluster) if cluster else lambda statement: [statement]


def everything(cluster: str = "") -> list[str]:
    """All statements that make the schema out of nothing, in order."""
    rendered = layout(cluster)
    texts = [_STATE, *(statement for source in _sources() for statement in statements(source.read_text(encoding="utf-8")))]
    return [command for text in texts for command in rendered(text)]


def _sources() -> list[Traversable]:
    root = files("schemas")
    numbered = sorted((root / "migrations").iterdir(), key=lambda source: source.name)
    views = sorted((root / "views").iterdir(), key=lambda source: source.name)
    return [source for source in (*numbered, *views) if source.name.endswith(".sql")]
