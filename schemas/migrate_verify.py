"""Try the whole schema on a real server, in a database of its own that is dropped afterwards: what works there, and what does not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import pyarrow as pa

from schemas.errors import MissionControlError
from schemas.migrate import everything
from schemas.migrate_access import access_statements
from schemas.settings import Settings
from schemas.store import DATABASE, ClickHouseStore, DatabaseError, ServerStore
from schemas.store_server import server_of

SCRATCH: Final = "mission_control_verify"
OLDEST: Final = (25, 3)
"""Of ClickHouse, that has all the settings and functions the statements use."""


@dataclass(frozen=True, slots=True)
class Tried:
    """`problem` is empty when it worked."""

    what: str
    problem: str = ""


def verify(settings: Settings) -> Iterator[Tried]:
    """One after the other; stops early when nothing further can work. `clickhouse_cluster` says which form is tried.

    Rights are only read by the server, not given: roles belong to everybody there. Raises SettingsError.
    """
    server, cluster = server_of(settings), settings.clickhouse_cluster
    everywhere = f" ON CLUSTER '{cluster}'" if cluster else ""
    outside = ServerStore(server, database=None)
    inside = ServerStore(server, database=SCRATCH)
    try:
        first = _tried("connect", lambda: _check_version(outside))
        yield first
        if first.problem:
            return
        yield _tried("drop what an earlier try left", lambda: outside.command(f"DROP DATABASE IF EXISTS {SCRATCH}{everywhere} SYNC"))
        made = _tried("make a database", lambda: outside.command(f"CREATE DATABASE {SCRATCH}{everywhere}"))
        yield made
        if made.problem:
            return
        for statement in everything(cluster):
            yield _tried(_shown(statement), partial(inside.command, in_scratch(statement)))
        yield _tried("an insert is read back", lambda: _round_trip(inside))
        yield _tried("queries can be killed", inside.kill_queries)
        for statement in access_statements(settings, ["example"]):
            yield _tried(_shown(statement), partial(_parse, inside, statement))
        yield _tried("drop the database", lambda: outside.command(f"DROP DATABASE {SCRATCH}{everywhere} SYNC"))
    finally:
        inside.close()
        outside.close()


def in_scratch(statement: str) -> str:
    """The same statement about the other database, in keeper's paths too."""
    return re.sub(rf"\b{DATABASE}\b", SCRATCH, statement)


def _tried(what: str, work: Callable[[], object]) -> Tried:
    try:
        work()
    except (DatabaseError, MissionControlError) as error:
        return Tried(what, str(error))
    return Tried(what)


def _shown(statement: str) -> str:
    return " ".join(line for line in statement.split() if line)[:100]


@dataclass
class VerifyError(MissionControlError):
    problem: str

    def __str__(self) -> str:
        return self.problem


def _check_version(store: ClickHouseStore) -> None:
    version = str(store.query("SELECT version() AS version")[0]["version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise VerifyError(f"ClickHouse {version} is older than {'.'.join(map(str, OLDEST))}")


def _round_trip(store: ClickHouseStore) -> None:
    columns = {"project": "verify", "thread_id": "thread", "status": "running", "agent_name": "verify"}
    row = pa.record_batch([pa.array([value]) for value in columns.values()], names=list(columns))
    for _ in range(2):
        store.insert("thread_summaries", row)
    found = store.query("SELECT thread_id FROM threads WHERE project = 'verify'")
    if found != [{"thread_id": "thread"}]:
        raise VerifyError(f"one thread was inserted twice, {len(found)} are seen")


def _parse(store: ClickHouseStore, statement: str) -> None:
    store.query("SELECT formatQuery({sql:String}) AS parsed", {"sql": statement})
