"""Rights for direct access: what is granted, to whom; read by the engine, which has no users to execute them for."""

import pytest

from schemas.migrate_access import SERVICE, access_statements, project_role, tenant_tables
from schemas.settings import Settings, load_settings
from schemas.store import ClickHouseStore

HOSTILE = "o'neil `\\` co"


def settings(cluster: str = "") -> Settings:
    return load_settings(clickhouse_cluster=cluster or None, query_timeout=7, sql_max_rows=100)


@pytest.mark.parametrize("cluster", ["", "fleet"])
def test_the_engine_reads_every_statement(store: ClickHouseStore, cluster: str) -> None:
    statements = access_statements(settings(cluster), ["demo", HOSTILE])
    for statement in statements:
        (row,) = store.query("SELECT formatQuery({sql:String}) AS parsed", {"sql": statement})
        assert row["parsed"]
        assert ("ON CLUSTER 'fleet'" in statement) == bool(cluster)
    assert len(statements) == len(set(statements))


def test_every_table_with_a_project_shows_each_role_its_own_only(store: ClickHouseStore) -> None:
    tables = {
        row["table"] for row in store.query("SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'project'")
    }
    views = {
        row["name"] for row in store.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%View'")
    }
    made = {table for table in tables - views if not table.startswith(("numbers_", "once_"))}
    assert set(tenant_tables()) == made
    text = "\n".join(access_statements(settings(), ["demo", HOSTILE]))
    for table in made:
        assert f"CREATE ROW POLICY OR REPLACE {SERVICE} ON mission_control.{table} USING 1 TO {SERVICE}" in text
        role = project_role("demo")
        assert f"CREATE ROW POLICY OR REPLACE {role} ON mission_control.{table} USING project = 'demo' TO {role}" in text
    assert "project = 'o\\'neil `\\\\` co'" in text


def test_on_a_cluster_both_the_shards_tables_and_those_in_front_are_guarded() -> None:
    assert {"spans", "spans_local"} <= set(tenant_tables("fleet"))
    assert len(tenant_tables("fleet")) == 2 * len(tenant_tables())


def test_limits_are_those_of_the_sql_port_and_analysts_write_nothing() -> None:
    text = "\n".join(access_statements(settings(), ["demo"]))
    assert "max_execution_time = 7 MAX 7" in text
    assert "max_result_rows = 100 MAX 100, readonly = 2 READONLY TO mission_control_analyst" in text
    granted = [
        one for one in access_statements(settings(), ["demo"]) if one.startswith("GRANT") and one.endswith("mission_control_analyst")
    ]
    assert granted == ["GRANT SELECT ON mission_control.* TO mission_control_analyst"]
