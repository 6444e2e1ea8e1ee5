"""The same statements for a cluster: replicated tables on every shard, and distributed ones in front under the names everybody uses.

Pure: text in, texts out. `NAME_local` holds a shard's rows, `NAME` reads and writes all shards. All versions of a row must meet on one
shard, or nothing would ever replace the older ones; so each sharding key is made of columns of the sorting key.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import MissionControlError
from schemas.store_server import DATABASE

SHARDING: Final[Mapping[str, str]] = {
    "spans": "project, TraceId",
    "traces": "project, trace_id",
    "trace_summaries": "project, thread_id",
    "steps": "project, thread_id",
    "thread_summaries": "project, thread_id",
    "thread_activity": "project, thread_id",
    "thread_measures": "project, thread_id",
    "message_rows": "project, thread_id",
    "permission_rows": "project, thread_id",
    "score_rows": "project, thread_id",  # not used any more
    # Many of these belong to no thread or trace: by either they would all lie on one shard.
    "message_bodies": "project, hash",
    "log_records": "project, record_id",
    "metric_points": "project, point_id",
    "score_records": "project, score_id",
    "usage_hours": "project, hour",
    "tool_hours": "project, hour",
    "permission_hours": "project, hour",  # not used any more
    "step_hours": "project, hour",  # not used any more
    "step_counts": "project, hour",
    "check_counts": "project, hour",
    "error_hours": "project, hour",
    "edge_hours": "project, hour",
    "agent_resources": "project, agent_name",
    "dead_letter_rows": "log_topic, log_partition",
    "ledger_rows": "log_topic, log_partition",
    "alert_rows": "project, alert_id",
    "audit_rows": "project, event_id",
}
"""Table -> columns whose cityHash64 chooses the shard."""

EVERYWHERE: Final = frozenset({"schema_migrations", "model_prices"})
"""Small tables that every node has whole."""

_CREATE: Final = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) ")
_ENGINE: Final = re.compile(r"\bENGINE = (\w*MergeTree)(?:\(([^)]*)\))?")
_ALTER: Final = re.compile(r"ALTER TABLE (\w+) (.*)", re.DOTALL)
_FEED: Final = re.compile(r"CREATE MATERIALIZED VIEW (\w+) (TO \w+ AS\b.*?\bFROM )(\w+)", re.DOTALL)
_VIEW: Final = re.compile(r"CREATE OR REPLACE VIEW (\w+)")
_COMMENT: Final = re.compile(r"\A(?:\s*--[^\n]*\n)+")


@dataclass
class UnknownStatementError(MissionControlError):
    """A migration has a kind of statement that nobody has thought through for clusters."""

    statement: str

    def __str__(self) -> str:
        return f"no cluster form is known of: {' '.join(self.statement.split())[:200]}"


def for_cluster(name: str) -> Callable[[str], list[str]]:
    """What turns one statement of `schemas/migrations` or `schemas/views` into those for the cluster of this name.

    It raises UnknownStatementError, and KeyError for a table without a sharding key.
    """
    return lambda statement: list(_rendered(_COMMENT.sub("", statement).strip(), f"ON CLUSTER '{name}'", name))


def _rendered(statement: str, everywhere: str, cluster: str) -> Iterator[str]:
    if found := _CREATE.match(statement):
        yield from _table(found[1], statement, everywhere, cluster)
    elif found := _ALTER.match(statement):
        yield from _altered(found[1], found[2], everywhere)
    elif found := _FEED.match(statement):
        # It sees the inserts of one shard, and its rows may belong to another.
        head = f"CREATE MATERIALIZED VIEW IF NOT EXISTS {found[1]} {everywhere} {found[2]}{_local(found[3])}"
        yield head + statement[found.end() :]
    elif found := _VIEW.match(statement):
        yield f"{found[0]} {everywhere}{statement[found.end() :]}"
    elif statement.startswith("INSERT INTO "):
        yield statement  # once, through the distributed tables
    else:
        raise UnknownStatementError(statement)


def _table(name: str, statement: str, everywhere: str, cluster: str) -> Iterator[str]:
    whole = name in EVERYWHERE
    stored = name if whole else _local(name)
    path, replica = (f"{DATABASE}/{name}", "{shard}-{replica}") if whole else ("{shard}/" + f"{DATABASE}/{name}", "{replica}")

    def replicated(engine: re.Match[str]) -> str:
        arguments = ", ".join(filter(None, (f"'/clickhouse/tables/{path}', '{replica}'", engine[2])))
        return f"ENGINE = Replicated{engine[1]}({arguments})"

    text = _CREATE.sub(f"CREATE TABLE IF NOT EXISTS {stored} {everywhere} ", statement, count=1)
    yield _ENGINE.sub(replicated, text, count=1)
    if not whole:
        engine = f"Distributed('{cluster}', '{DATABASE}', '{stored}', cityHash64({SHARDING[name]}))"
        yield f"CREATE TABLE IF NOT EXISTS {name} {everywhere} AS {stored} ENGINE = {engine}"


def _altered(name: str, change: str, everywhere: str) -> Iterator[str]:
    """Rows, their lifetime and indices are the shards'; of new columns the distributed table must know too."""
    if name in EVERYWHERE:
        yield f"ALTER TABLE {name} {everywhere} {change}"
        return
    column = change.startswith("ADD COLUMN ")
    change = change.replace("ADD COLUMN ", "ADD COLUMN IF NOT EXISTS ", 1) if column else change
    yield f"ALTER TABLE {_local(name)} {everywhere} {change}"
    if column:
        yield f"ALTER TABLE {name} {everywhere} {_without_codec(change)}"


def _without_codec(change: str) -> str:
    return re.sub(r" CODEC\((?:[^()]|\([^()]*\))*\)", "", change)


def _local(name: str) -> str:
    return f"{name}_local"
