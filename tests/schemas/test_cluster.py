"""The schema of a cluster, as far as one engine can show it: every statement is parsed, and executed with engines swapped."""

import re
from pathlib import Path

import pytest

from schemas.cluster import EVERYWHERE, SHARDING, UnknownStatementError, for_cluster
from schemas.migrate import everything
from schemas.store import ClickHouseStore

CLUSTER = "fleet"
STATEMENTS = everything(CLUSTER)
_REPLICATED = re.compile(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, )?")
_DISTRIBUTED = re.compile(r"ENGINE = Distributed\('fleet', 'mission_control', '(\w+)', .*\)$")


def on_one_engine(statement: str, database: str) -> str:
    """What one engine can execute: no cluster, no keeper; a `Merge` table reads what the distributed one would."""
    statement = statement.replace(f" ON CLUSTER '{CLUSTER}'", "")
    statement = _DISTRIBUTED.sub(rf"ENGINE = Merge('{database}', '^\1$')", _REPLICATED.sub(r"ENGINE = \1(", statement))
    return statement.replace("mission_control.", f"{database}.")


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: " ".join(text.split())[:60])
def test_the_engine_reads_every_statement(store: ClickHouseStore, statement: str) -> None:
    store.query("SELECT formatQuery({sql:String}) AS parsed", {"sql": statement})
    assert "--" not in statement.splitlines()[0]
    if not statement.startswith("INSERT"):
        assert statement.count(f"ON CLUSTER '{CLUSTER}'") == 1


def test_with_engines_swapped_every_statement_runs_and_rows_come_back(store: ClickHouseStore) -> None:
    database = "cluster_form"
    with store.client() as client:
        client.command(f"CREATE DATABASE {database}")
        client.command(f"USE {database}")
        try:
            for statement in STATEMENTS:
                if not statement.startswith("INSERT INTO"):  # a Merge table takes no rows
                    client.command(on_one_engine(statement, database), use_database=False)
            rows = "project, thread_id, agent_name, status, started_at, last_seen_at"
            client.command(
                f"INSERT INTO {database}.thread_summaries_local ({rows}) VALUES ('p', 't', 'one', 'running', now64(9), now64(9))",
                use_database=False,
            )
            found = client.query(f"SELECT thread_id, agent_name FROM {database}.threads").result_rows
            assert list(found) == [("t", "one")]
        finally:
            client.command("USE mission_control", use_database=False)
            client.command(f"DROP DATABASE {database}")


def tables(store: ClickHouseStore) -> dict[str, set[str]]:
    """Table -> columns of its sorting key."""
    found = store.query("SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")
    return {row["name"]: set(row["sorting_key"].split(", ")) for row in found if not row["name"].startswith("numbers_")}


def test_all_versions_of_a_row_meet_on_one_shard(store: ClickHouseStore) -> None:
    keys = tables(store)
    for table in keys.keys() & SHARDING.keys():
        assert set(SHARDING[table].split(", ")) <= keys[table], table


def test_every_table_has_its_place() -> None:
    made = {found[1] for text in everything() if (found := re.search(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", text))}
    assert made <= SHARDING.keys() | EVERYWHERE


def test_threads_and_traces_choose_the_shard_where_a_row_has_one() -> None:
    apart = {
        "message_bodies",
        "log_records",
        "metric_points",
        "score_records",
        "agent_resources",
        "dead_letter_rows",
        "ledger_rows",
        "alert_rows",
        "audit_rows",
    }
    by_thread_or_trace = {table for table, columns in SHARDING.items() if re.search("thread_id|trace_id|TraceId", columns)}
    assert SHARDING.keys() - by_thread_or_trace - apart == {table for table in SHARDING if table.endswith(("_hours", "_counts"))}


@pytest.fixture(scope="module")
def rendered() -> str:
    return "\n".join(STATEMENTS)


def test_how_they_look(rendered: str) -> None:
    assert "'/clickhouse/tables/{shard}/mission_control/spans', '{replica}', version)" in rendered
    assert "'/clickhouse/tables/mission_control/schema_migrations', '{shard}-{replica}', applied_at)" in rendered
    assert "Distributed('fleet', 'mission_control', 'spans_local', cityHash64(project, TraceId))" in rendered


def test_what_feeds_a_table_sees_the_inserts_of_a_shard_and_writes_to_all() -> None:
    feed = "CREATE MATERIALIZED VIEW feed TO agent_resources AS\nSELECT project FROM permission_rows WHERE 1"
    assert for_cluster("fleet")(feed) == [
        "CREATE MATERIALIZED VIEW IF NOT EXISTS feed ON CLUSTER 'fleet' TO agent_resources AS\nSELECT project FROM permission_rows_local WHERE 1"
    ]


def test_columns_are_added_to_both() -> None:
    assert for_cluster("c")("ALTER TABLE steps ADD COLUMN a UInt8 CODEC(T64, ZSTD(1)) AFTER b") == [
        "ALTER TABLE steps_local ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a UInt8 CODEC(T64, ZSTD(1)) AFTER b",
        "ALTER TABLE steps ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a UInt8 AFTER b",
    ]
    assert for_cluster("c")("ALTER TABLE model_prices DROP COLUMN a") == ["ALTER TABLE model_prices ON CLUSTER 'c' DROP COLUMN a"]


def test_what_nobody_thought_through_is_refused() -> None:
    with pytest.raises(UnknownStatementError, match="RENAME TABLE a TO b"):
        for_cluster("c")("-- why\nRENAME TABLE a\nTO b")


def test_there_is_a_page_about_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
    for table in (*SHARDING, *EVERYWHERE):
        assert f"`{table}`" in page, table
