"""The guard and the engine together: both must read the same tables in every query that runs."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control.sql_catalog import VIEWS, Catalog, is_denied_function
from control.sql_checked import Checked
from control.sql_engine import confirm, load_catalog
from control.sql_errors import SqlRejectedError
from control.sql_lexer import lex
from control.sql_request import SqlRequest
from control.sql_run import Escaped, SqlRunner
from control.sql_statements import check
from schemas.settings import load_settings
from schemas.store import ClickHouseStore, DatabaseError
from tests.control.test_sql_guard import ALLOWED, IDENTIFIERS, REJECTED

PARAMETERS = {**IDENTIFIERS, "a": "1", "b": "2026-11-01 10:00:00.000"}


def _request(sql: str, **given: str) -> SqlRequest:
    return SqlRequest(sql, "TabSeparated", {**PARAMETERS, **given}, {}, "q", False)


@pytest.fixture(scope="module")
def catalog(store: ClickHouseStore) -> Catalog:
    return load_catalog(store)


@pytest.fixture(scope="module")
def runner(store: ClickHouseStore) -> SqlRunner:
    return SqlRunner(store, load_settings())


def test_the_catalog_knows_what_is_there(catalog: Catalog, store: ClickHouseStore) -> None:
    assert {"spans", "steps", "thread_summaries", "schema_migrations"} <= catalog.hidden
    assert not catalog.hidden & VIEWS
    assert {row["name"] for row in store.query("SHOW TABLES")} >= VIEWS


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_the_guard_lets_through_runs(runner: SqlRunner, sql: str) -> None:
    unknown_columns = {"SELECT attributes['file'], t.file FROM threads AS t", "SELECT 1 IN tags FROM threads"}
    if sql in unknown_columns or "max_rows_to_read = -1" in sql:
        with pytest.raises(DatabaseError):
            runner.run(_request(sql), "test")
    else:
        runner.run(_request(sql), "test")


ENGINE_ONLY = [
    "SELECT in(1, spans)",
    "SELECT * FROM (EXPLAIN SELECT 1)",
    "SELECT * APPLY toString, nothing.* FROM nothing",
    "SELECT * APPLY toString FROM spans",
    "SELECT * APPLY toString FROM mission_control.spans",
    "SELECT * APPLY toString FROM default.threads",
    "SELECT * APPLY toString FROM merge('mission_control', '.*')",
    "WITH steps AS (SELECT 1) SELECT * APPLY toString FROM steps",
    "SELECT * APPLY toString FROM (SELECT 1 SETTINGS max_threads = 1)",
]


@pytest.mark.parametrize("sql", [sql for sql, _ in REJECTED] + ENGINE_ONLY)
def test_what_the_guard_refuses_never_runs(runner: SqlRunner, sql: str) -> None:
    request = _request(sql)
    with pytest.raises(SqlRejectedError):
        runner.run(request, "test")


def _is_select(sql: str) -> bool:
    return bool(re.match(r"\s*(SELECT|WITH|FROM|\()", sql, re.IGNORECASE))


def _last_word() -> Iterator[str]:
    """Statements whose refusal must not depend on sqlglot."""
    not_about_tables = ("FORMAT", "SETTINGS", "displayName", "{", "system.tables.name", "APPLY", "WITH file", "arrayMap(file")
    for sql in [sql for sql, code in REJECTED if code in (60, 497)] + ENGINE_ONLY:
        if _is_select(sql) and not any(word in sql for word in not_about_tables) and "nothing" not in sql and "1) SELECT" not in sql:
            yield sql


@pytest.mark.parametrize("sql", list(_last_word()))
def test_the_engine_alone_would_refuse_it_too(store: ClickHouseStore, catalog: Catalog, sql: str) -> None:
    """A statement that got past the guard unread, as if sqlglot had seen nothing in it."""
    text, _ = lex(sql)
    with pytest.raises((SqlRejectedError, DatabaseError)):
        confirm(store, Checked(text, defined=frozenset()), catalog, {})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * APPLY toString FROM threads",
        "SELECT COLUMNS('thread_id') EXCEPT thread_id, name FROM threads",
        "SELECT name FROM threads ORDER BY name LIMIT 1 BY name LIMIT 2",
        "WITH recent AS (SELECT name FROM threads) SELECT name FROM recent LIMIT 1 BY name LIMIT 2",
    ],
)
def test_what_only_the_engine_can_read_runs_when_every_name_is_known(runner: SqlRunner, sql: str) -> None:
    assert check(sql, Catalog()).defined is not None
    runner.run(_request(sql), "test")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH spans AS (SELECT 7 AS x) SELECT x FROM spans",
        "WITH spans AS (SELECT 7 AS x) SELECT x FROM (SELECT x FROM spans)",
        "WITH spans AS (SELECT 7 AS x) SELECT 7 AS y WHERE 7 IN (SELECT x FROM spans)",
        "WITH spans AS (SELECT 7 AS x) SELECT 7 AS y WHERE 7 IN spans",
        "WITH a AS (SELECT 1), spans AS (SELECT 7 AS x), b AS (SELECT x FROM spans) SELECT x FROM b",
        "WITH spans AS (SELECT 7 AS x) SELECT s.x FROM (SELECT 7 AS x) AS o JOIN (SELECT x FROM spans) AS s ON s.x = o.x",
        "WITH spans AS (SELECT 7 AS x) SELECT (SELECT x FROM spans)",
        "WITH spans AS (SELECT 7 AS x) SELECT x FROM spans WHERE 0 UNION ALL SELECT x FROM spans",
        "WITH spans AS (SELECT 7 AS x) SELECT x FROM spans WHERE 0 UNION ALL (SELECT x FROM (SELECT x FROM spans))",
        "WITH spans AS (SELECT 7 AS x) SELECT x FROM (WITH b AS (SELECT x FROM spans) SELECT x FROM b)",
        "WITH RECURSIVE spans AS (SELECT 6 AS x UNION ALL SELECT x + 1 FROM spans WHERE x < 7) SELECT max(x) FROM spans",
    ],
)
def test_a_shadowed_name_is_the_subquery(runner: SqlRunner, sql: str) -> None:
    """`spans` is empty and has no column x: these answer only if the engine takes the CTE wherever the guard does."""
    assert runner.run(_request(sql), "test").body == b"7\n"


def test_an_identifier_from_a_parameter_is_checked_every_time(runner: SqlRunner) -> None:
    sql = "SELECT count() FROM {t:Identifier}"
    runner.run(_request(sql, t="threads"), "test")
    for name in ("spans", "system.processes", "mission_control.spans"):
        with pytest.raises(SqlRejectedError):
            runner.run(_request(sql, t=name), "test")


def test_what_was_confirmed_is_forgotten_at_some_time(store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.sql_run._CONFIRMED_LIMIT", 2)
    runner = SqlRunner(store, load_settings())
    for number in (1, 2, 3, 1):
        assert runner.run(_request(f"SELECT {number}"), "test").body == f"{number}\n".encode()


def test_a_tree_that_is_not_understood(catalog: Catalog) -> None:
    class Odd(ClickHouseStore):
        def raw(self, sql: str, fmt: str, parameters: object = None, settings: object = None) -> bytes:
            return b"SelectWithUnionQuery (children 1)\n \xff?\n"

    with pytest.raises(SqlRejectedError, match="tree holds"):
        confirm(Odd(lambda: None), Checked("SELECT 1"), catalog, {})  # type: ignore[arg-type,return-value]  # opens nothing


def test_a_column_may_be_named_by_a_parameter(runner: SqlRunner) -> None:
    assert runner.run(_request("SELECT {c:Identifier} FROM (SELECT 5 AS x)", c="x"), "test").body == b"5\n"


def test_system_tables_show_only_what_is_open(runner: SqlRunner) -> None:
    def rows(sql: str) -> list[str]:
        return runner.run(_request(sql), "test").body.decode().splitlines()

    assert set(rows("SELECT name FROM system.tables")) == VIEWS
    assert set(rows("SELECT DISTINCT table FROM system.columns")) == VIEWS
    assert rows("SELECT name FROM system.databases") == ["mission_control"]
    assert rows("SELECT DISTINCT metadata_path || create_table_query || as_select FROM system.tables") == [""]
    assert rows("SELECT name FROM system.settings WHERE name IN ('final', 'max_threads') AND NOT readonly") == ["max_threads"]
    assert rows("SELECT count() > 0 FROM system.settings AS a JOIN system.settings AS b USING (name)") == ["1"]


def test_every_function_that_reaches_outside_is_denied(store: ClickHouseStore) -> None:
    outside = ("Dictionary", "Embedded Dictionary", "AI", "Introspection", "Machine Learning")
    harmless = {"isMergeTreePartCoveredBy", "nested"}
    names = store.query(
        "SELECT name, alias_to FROM system.functions WHERE categories IN {c:Array(String)} AND NOT is_aggregate", {"c": list(outside)}
    )
    aliases = store.query("SELECT name, alias_to FROM system.functions WHERE alias_to != ''")
    assert len(names) > 50
    assert [row["name"] for row in names if not is_denied_function(row["name"]) and row["name"] not in harmless] == []
    forgotten = [row["name"] for row in aliases if is_denied_function(row["alias_to"]) and not is_denied_function(row["name"])]
    assert forgotten == []


NAMES = st.sampled_from(
    (
        *("threads", "execution_steps", "spans", "steps", "mission_control.threads", "mission_control.spans", "system.one"),
        *("system.tables", "system.processes", "x", "y", "`spans`", '"threads"', "default.threads", "numbers(2)"),
        "merge('mission_control', '.*')",
    )
)
CTE_NAMES = st.sampled_from(["x", "y", "spans", "steps", "threads"])


def _nested(queries: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    source = st.one_of(NAMES, st.builds("({})".format, queries))
    return st.one_of(
        st.builds("SELECT 1 AS c FROM {} AS a".format, source),
        st.builds("SELECT 1 AS c FROM {}".format, NAMES),
        st.builds("SELECT 1 AS c FROM {} AS a, {} AS b".format, source, source),
        st.builds("SELECT 1 AS c FROM {} AS a CROSS JOIN {} AS b".format, source, source),
        st.builds("SELECT 1 AS c WHERE 1 IN ({})".format, queries),
        st.builds("SELECT 1 AS c WHERE 1 IN {}".format, NAMES),
        st.builds("SELECT 1 AS c WHERE 1 NOT IN ({})".format, NAMES),
        st.builds("SELECT ({}) AS c".format, queries),
        st.builds("{} UNION ALL {}".format, queries, queries),
        st.builds("({}) UNION ALL ({})".format, queries, queries),
        st.builds("WITH {} AS ({}) {}".format, CTE_NAMES, queries, queries),
        st.builds("WITH {} AS ({}), {} AS ({}) {}".format, CTE_NAMES, queries, CTE_NAMES, queries, queries),
        st.builds("WITH ({}) AS {} {}".format, queries, CTE_NAMES, queries),
        st.builds("{} /* {} */ -- ;\n".format, queries, NAMES),
    )


QUERIES = st.recursive(st.builds("SELECT 1 AS c FROM {}".format, NAMES), _nested, max_leaves=6)
RESOLVED = re.compile(r"TABLE id: \d+(?:, alias: \S+)?, table_name: (\S+)")
OPEN_TABLES = {f"mission_control.{view}" for view in VIEWS} | {"system.one", "system.tables", "system.databases"}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=QUERIES)
def test_whatever_passes_reads_only_views(store: ClickHouseStore, catalog: Catalog, sql: str) -> None:
    """The oracle is the engine's analyzer: after name resolution it lists every table that the query would read."""
    try:
        checked = check(sql, catalog, {})
    except SqlRejectedError:
        return
    try:
        resolved = store.raw(f"EXPLAIN QUERY TREE {checked.sql}", "").decode()
    except DatabaseError:
        return
    read = set(RESOLVED.findall(resolved))
    if checked.defined is None:
        assert read <= OPEN_TABLES, sql
        confirm(store, checked, catalog, {})
    else:
        try:
            confirm(store, checked, catalog, {})
        except SqlRejectedError:
            return
        assert read <= OPEN_TABLES, sql


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(
        st.one_of(st.text(alphabet="'\"`\\$-/*#! \n;(){}a1.\u00a0\u2018", max_size=6), st.sampled_from(["SELECT 1", "spans", "FROM", "$$"]))
    )
)
def test_lexing_twice_changes_nothing(store: ClickHouseStore, text: list[str]) -> None:
    try:
        once, tokens = lex("".join(text))
    except SqlRejectedError:
        return
    twice, again = lex(once)
    assert twice == once
    assert [token.text for token in again] == [token.text for token in tokens]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30))
def test_strings_say_the_same_to_the_engine(store: ClickHouseStore, value: str) -> None:
    """Heredocs become quoted strings; the engine must read what was in them."""
    if "$" in value:
        return
    checked = check(f"SELECT $x${value}$x$ AS v", Catalog())
    assert store.query(checked.sql)[0]["v"] == value


def test_escaped_parameters_reach_the_engine_as_they_are(store: ClickHouseStore) -> None:
    assert store.raw("SELECT {a:String}", "TSVRaw", {"a": Escaped("it\\'s\\ta\\\\b")}) == b"it's\ta\\b\n"
    assert store.raw("SELECT {a:Array(String)}", "TSVRaw", {"a": Escaped("['it\\'s','b']")}) == b"['it\\'s','b']\n"
    assert store.raw("SELECT {a:Nullable(String)} IS NULL", "TSVRaw", {"a": Escaped("\\N")}) == b"1\n"
