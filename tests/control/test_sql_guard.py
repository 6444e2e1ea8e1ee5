"""The guard alone, without an engine: what passes, what does not, and what the passing text has become."""

import pytest

from control.sql_catalog import HANDED_ON_SETTINGS, IGNORED_SETTINGS, VIEWS, Catalog, is_denied_function
from control.sql_errors import SqlRejectedError, status_of
from control.sql_statements import check

CATALOG = Catalog(hidden=frozenset({"spans", "steps", "traces", "log_records", "thread_summaries", "schema_migrations"}))

ALLOWED = [
    "SELECT 1",
    "select 1;",
    "SELECT 1 ; ;",
    "(SELECT 1)",
    "FROM threads SELECT count()",
    "SELECT * FROM threads",
    "SELECT * FROM mission_control.threads AS t WHERE t.thread_id = 'a'",
    'SELECT * FROM "threads"',
    "SELECT * FROM `mission_control`.`threads`",
    "SELECT * FROM threads t LEFT JOIN execution_steps s USING (thread_id) WHERE s.type = 'tool_call'",
    "SELECT * FROM threads, execution_steps AS s",
    "SELECT tag FROM threads ARRAY JOIN tags AS tag",
    "SELECT * FROM (SELECT * FROM (SELECT * FROM threads))",
    "SELECT count() FROM logs WHERE thread_id IN (SELECT thread_id FROM threads)",
    "SELECT 'a' IN (thread_id) FROM threads",
    "SELECT 1 IN tags FROM threads",
    "WITH recent AS (SELECT * FROM threads) SELECT * FROM recent",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a) SELECT * FROM b",
    "WITH steps AS (SELECT 1 AS x) SELECT * FROM steps",
    "WITH steps AS (SELECT 1 AS x) SELECT * FROM (SELECT * FROM steps) UNION ALL SELECT * FROM steps",
    "WITH steps AS (SELECT 1 AS x) SELECT 1 IN steps",
    "WITH RECURSIVE steps AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 3) SELECT * FROM steps",
    "WITH (SELECT max(started_at) FROM threads) AS latest SELECT latest",
    "WITH 5 AS five, (x -> x + five) AS add_five SELECT add_five(1)",
    "SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3",
    "SELECT 1 INTERSECT SELECT 1 EXCEPT SELECT 2",
    "SELECT number FROM numbers(10)",
    "SELECT * FROM generateSeries(1, 3)",
    "SELECT * FROM values('a Int8', 1, 2)",
    "SELECT * FROM system.one",
    "SELECT name, value FROM system.settings LIMIT 10",
    "SELECT name FROM system.tables WHERE database = 'mission_control'",
    "SELECT c.name FROM system.columns AS c JOIN system.tables AS t ON t.name = c.table",
    "SELECT version(), timezone(), displayName(), revision(), currentUser()",
    "SELECT quantile(0.95)(duration_ms) OVER (PARTITION BY type ORDER BY started_at) FROM execution_steps",
    "SELECT * EXCEPT (attributes) REPLACE (upper(name) AS name) FROM threads",
    "SELECT attributes['file'], t.file FROM threads AS t",
    "SELECT 'file(1); DROP TABLE spans -- FORMAT JSON'",
    "SELECT 'it''s', 'a\\'b', 'spans'",
    "SELECT $$SELECT * FROM spans; --$$, $x$ $$ $x$",
    "SELECT 1 -- SELECT * FROM spans; DROP TABLE x",
    "SELECT 1 /* ; /* nested */ FROM spans */ + 1",
    "SELECT 1 # comment\n",
    "SELECT 1 // comment",
    "SELECT\u00a01\u2003AS\ufeffx",
    "SELECT 1 AS format",
    "SELECT format FROM (SELECT 1 AS format) FORMAT JSON",
    "SELECT formatDateTime(started_at, '%F') FROM threads FORMAT CSV",
    "SELECT settings FROM (SELECT 1 AS settings)",
    "SELECT {a:UInt8}, { b : DateTime64(3, 'UTC') }",
    "SELECT * FROM {table:Identifier}",
    "SELECT toStartOfInterval(started_at, INTERVAL 5 MINUTE) AS t, count() FROM threads GROUP BY t ORDER BY t WITH FILL",
    "SELECT CASE WHEN status = 'error' THEN 1 ELSE 0 END, input_tokens::Float32 FROM threads LIMIT 1 BY name LIMIT 5",
    "SELECT 1 SETTINGS max_threads = 2, join_use_nulls = true FORMAT CSV",
    "SELECT 1 FORMAT CSV SETTINGS max_threads = 2",
    "SELECT 1 SETTINGS session_timezone = 'Europe/Berlin', max_rows_to_read = -1",
    "EXPLAIN SELECT * FROM threads",
    "EXPLAIN QUERY TREE SELECT 1",
    "EXPLAIN AST (SELECT 1)",
    "SHOW DATABASES",
    "SHOW TABLES",
    "SHOW TABLES FROM mission_control LIKE 't%' LIMIT 3",
    "SHOW TABLES IN default NOT ILIKE '%S' FORMAT JSON",
    "DESCRIBE TABLE threads FORMAT JSON",
    "DESC mission_control.threads",
    "DESCRIBE (SELECT 1 AS x)",
    "DESCRIBE TABLE (SELECT * FROM threads)",
    "EXISTS TABLE threads",
    "EXISTS mission_control.spans",
    "EXISTS DATABASE mission_control",
]

SYNTAX, TABLE, READONLY, DENIED, DATABASE, PARAMETER = 62, 60, 164, 497, 81, 456
REJECTED = [
    ("", SYNTAX),
    (" -- nothing\n;", SYNTAX),
    ("SELEC 1", SYNTAX),
    ("SELECT 1; SELECT 2", SYNTAX),
    ("SELECT 1; DROP TABLE spans", SYNTAX),
    ("SELECT 1 FORMAT JSON; SELECT 2", SYNTAX),
    ("SELECT 1 PARALLEL WITH SELECT 2", SYNTAX),
    ("SELECT 'open", SYNTAX),
    ('SELECT 1 AS "open', SYNTAX),
    ("SELECT 1 /* open /* */", SYNTAX),
    ("SELECT 1 AS `a\\`b`", SYNTAX),
    ("SELECT 1 AS `a\n TableIdentifier threads`", SYNTAX),
    ("SELECT 1\x00; DROP TABLE spans", SYNTAX),
    ("SELECT '\ud800'", SYNTAX),
    ("SELECT \u2018x\u2019", SYNTAX),
    ("SELECT $open$", SYNTAX),
    ("SELECT a\\b", SYNTAX),
    ("SELECT @@version", SYNTAX),
    ("SELECT '" + "x" * 300_000 + "'", SYNTAX),
    ("SELECT {a:String -- }\n}", SYNTAX),
    ("SELECT {t:identifier}", SYNTAX),
    ("SELECT {t:Array(Identifier)}", SYNTAX),
    ("SELECT * FROM {newline:Identifier}", SYNTAX),
    ("SELECT * FROM {missing:Identifier}", PARAMETER),
    ("SELECT * FROM {hidden:Identifier}", TABLE),
    ("SELECT * FROM {system:Identifier}", DENIED),
    ("SELECT * FROM spans", TABLE),
    ("SELECT * FROM mission_control.spans", TABLE),
    ("SELECT * FROM `spans` AS threads", TABLE),
    ("SELECT * FROM threads, spans", TABLE),
    ("SELECT * FROM threads JOIN spans USING (thread_id)", TABLE),
    ("SELECT * FROM threads GLOBAL ANY LEFT JOIN mission_control.spans USING (thread_id)", TABLE),
    ("SELECT * FROM (SELECT * FROM spans)", TABLE),
    ("SELECT (SELECT count() FROM spans)", TABLE),
    ("WITH (SELECT count() FROM spans) AS n SELECT n", TABLE),
    ("WITH x AS (SELECT * FROM spans) SELECT * FROM x", TABLE),
    ("WITH spans AS (SELECT * FROM spans) SELECT * FROM spans", TABLE),
    ("WITH threads AS (SELECT * FROM spans) SELECT * FROM threads", TABLE),
    ("WITH a AS (SELECT * FROM spans), spans AS (SELECT 1) SELECT * FROM a", TABLE),
    ("SELECT * FROM (WITH spans AS (SELECT 1) SELECT * FROM spans)", DENIED),
    ("SELECT * FROM (WITH spans AS (SELECT 1) SELECT * FROM spans) AS a, spans", TABLE),
    ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS a, x", TABLE),
    ("WITH (SELECT 1) AS spans SELECT * FROM spans", TABLE),
    ("WITH x AS (SELECT 1) SELECT * FROM mission_control.x", TABLE),
    ("SELECT 1 UNION ALL SELECT count() FROM spans", TABLE),
    ("SELECT 1 IN spans", TABLE),
    ("SELECT 1 IN (spans)", TABLE),
    ("SELECT 1 GLOBAL NOT IN ((spans))", TABLE),
    ("SELECT 1 IN mission_control.spans", TABLE),
    ("SELECT 1 IN system.query_log", DENIED),
    ("SELECT nullIn(1, spans)", DENIED),
    ("SELECT notIn(1, spans)", DENIED),
    ("SELECT 1 IN (SELECT 1 FROM spans)", TABLE),
    ("SELECT EXISTS (SELECT 1 FROM spans)", TABLE),
    ("SELECT * FROM nothing", TABLE),
    ("SELECT * FROM default.threads", DENIED),
    ("SELECT * FROM system.query_log", DENIED),
    ("SELECT * FROM system.processes", DENIED),
    ("SELECT * FROM system.parts", DENIED),
    ("SELECT * FROM system.users", DENIED),
    ("SELECT * FROM information_schema.tables", DENIED),
    ("SELECT * FROM INFORMATION_SCHEMA.TABLES", DENIED),
    ("SELECT * FROM a.b.c", DENIED),
    ("SELECT system.tables.name FROM system.tables", SYNTAX),
    ("SELECT * FROM file('/etc/passwd')", DENIED),
    ("SELECT * FROM FILE('/etc/passwd', 'LineAsString')", DENIED),
    ("SELECT * FROM url('http://127.0.0.1/')", DENIED),
    ("SELECT * FROM s3('http://127.0.0.1/')", DENIED),
    ("SELECT * FROM remote('127.0.0.1', system.one)", DENIED),
    ("SELECT * FROM cluster('default', system.one)", DENIED),
    ("SELECT * FROM merge('mission_control', '.*')", DENIED),
    ("SELECT * FROM mission_control.merge('.*')", DENIED),
    ("SELECT * FROM view(SELECT * FROM spans)", DENIED),
    ("SELECT * FROM view(SELECT 1)", DENIED),
    ("SELECT * FROM executable('x', 'TSV', 'a Int8')", DENIED),
    ("SELECT * FROM input('a Int8')", DENIED),
    ("SELECT * FROM dictionary('d')", DENIED),
    ("SELECT * FROM Python(df)", DENIED),
    ("SELECT * FROM `file`('x')", DENIED),
    ("SELECT * FROM threads(x = 1)", DENIED),
    ("SELECT * FROM mergeTreeIndex(mission_control, spans)", DENIED),
    ("SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))", DENIED),
    ("SELECT * FROM eval('SELECT 1')", DENIED),
    ("SELECT file('/etc/passwd')", DENIED),
    ("SELECT \"file\"('/etc/passwd')", DENIED),
    ("SELECT arrayMap(file, ['/etc/passwd'])", DENIED),
    ("SELECT * APPLY file FROM threads", DENIED),
    ("SELECT * APPLY (x -> file(x)) FROM threads", DENIED),
    ("WITH file AS f SELECT f('x')", DENIED),
    ("SELECT FiLe /* */ ('x')", DENIED),
    ("SELECT dictGet('d', 'a', 1)", DENIED),
    ("SELECT dictGetOrNull('d', 'a', 1)", DENIED),
    ("SELECT joinGet('mission_control.spans', 'a', 1)", DENIED),
    ("SELECT hasColumnInTable('mission_control', 'spans', 'x')", DENIED),
    ("SELECT hostName()", DENIED),
    ("SELECT FQDN()", DENIED),
    ("SELECT filesystemAvailable()", DENIED),
    ("SELECT getSetting('max_threads')", DENIED),
    ("SELECT getServerSetting('path')", DENIED),
    ("SELECT sleep(3)", DENIED),
    ("SELECT sleepEachRow(1) FROM numbers(10)", DENIED),
    ("SELECT logTrace('x')", DENIED),
    ("SELECT aiGenerate('x')", DENIED),
    ("SELECT catboostEvaluate('/x', 1)", DENIED),
    ("SELECT 1 INTO OUTFILE '/tmp/x'", DENIED),
    ("SELECT 1 INTO/**/OUTFILE '/tmp/x' FORMAT CSV", DENIED),
    ("SELECT 1 SETTINGS readonly = 0", DENIED),
    ("SELECT 1 SETTINGS additional_table_filters = {'a': 'b'}", SYNTAX),
    ("SELECT 1 SETTINGS max_threads = 1, readonly = 0 FORMAT CSV", DENIED),
    ("SELECT 1 SETTINGS max_threads = 1 FORMAT CSV SETTINGS max_threads = 2", SYNTAX),
    ("SELECT 1 SETTINGS max_threads = 1,", SYNTAX),
    ("SELECT 1 SETTINGS max_threads = 1 2", SYNTAX),
    ("SELECT 1 SETTINGS max_threads = 1, x", SYNTAX),
    ("SELECT 1 SETTINGS max_threads = [1]", SYNTAX),
    ("SELECT 1 SETTINGS max_threads", DENIED),
    ("-- why\nINSERT INTO threads VALUES (1)", READONLY),
    ("FORMAT JSON", SYNTAX),
    ("SELECT 1 SETTINGS session_timezone = 'a\\'b'", SYNTAX),
    ("SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)", DENIED),
    ("SELECT * FROM (SELECT 1 FORMAT JSON)", DENIED),
    ("SELECT 1 FORMAT JSON FORMAT CSV", DENIED),
    ("INSERT INTO threads VALUES (1)", READONLY),
    ("INSERT INTO FUNCTION file('x') SELECT 1", READONLY),
    ("WITH x AS (SELECT 1) INSERT INTO threads SELECT * FROM x", SYNTAX),
    ("CREATE TABLE x (a Int8) ENGINE = Memory", READONLY),
    ("drop table spans", READONLY),
    ("ALTER TABLE spans DELETE WHERE 1", READONLY),
    ("TRUNCATE TABLE spans", READONLY),
    ("OPTIMIZE TABLE spans FINAL", READONLY),
    ("SYSTEM SHUTDOWN", READONLY),
    ("KILL QUERY WHERE 1", READONLY),
    ("USE system", READONLY),
    ("SET max_threads = 1", READONLY),
    ("GRANT ALL ON *.* TO default", READONLY),
    ("SHOW TABLES FROM system", DATABASE),
    ("SHOW TABLES FROM", DATABASE),
    ("SHOW TABLES LIKE", SYNTAX),
    ("SHOW TABLES NOT", SYNTAX),
    ("SHOW TABLES WHERE 1", SYNTAX),
    ("SHOW CREATE TABLE threads", SYNTAX),
    ("SHOW GRANTS", SYNTAX),
    ("SHOW", SYNTAX),
    ("DESCRIBE TABLE spans", TABLE),
    ("DESCRIBE TABLE mission_control.spans", TABLE),
    ("DESCRIBE system.users", TABLE),
    ("DESCRIBE TABLE file('/etc/passwd')", SYNTAX),
    ("DESCRIBE (SELECT * FROM spans)", TABLE),
    ("DESCRIBE (SELECT 1", SYNTAX),
    ("DESCRIBE TABLE threads SETTINGS describe_include_subcolumns = 1", DENIED),
    ("EXPLAIN", SYNTAX),
    ("EXPLAIN PLAN json = 1 SELECT 1", SYNTAX),
    ("EXPLAIN TABLE OVERRIDE mysql('x')", SYNTAX),
    ("EXPLAIN SELECT * FROM spans", TABLE),
    ("EXPLAIN EXPLAIN SELECT 1", SYNTAX),
    ("EXPLAIN INSERT INTO threads SELECT 1", SYNTAX),
]
IDENTIFIERS = {"table": "mission_control.threads", "hidden": "spans", "system": "system.users", "newline": "a\n TableIdentifier threads"}


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed(sql: str) -> None:
    check(sql, CATALOG, IDENTIFIERS)


@pytest.mark.parametrize(("sql", "code"), REJECTED, ids=[sql[:60] for sql, _ in REJECTED])
def test_rejected(sql: str, code: int) -> None:
    with pytest.raises(SqlRejectedError) as caught:
        check(sql, CATALOG, IDENTIFIERS)
    assert caught.value.code == code
    assert str(caught.value).startswith(f"Code: {code}. DB::Exception: ")


def test_the_end_is_taken_off() -> None:
    checked = check("SELECT 1 AS format -- x\n SETTINGS max_threads = 2, session_timezone = 'it''s' FORMAT JSON ;", CATALOG)
    assert (checked.sql, checked.format) == ("SELECT 1 AS format", "JSON")
    assert checked.settings == {"max_threads": "2", "session_timezone": "it's"}


def test_negative_and_bare_values_of_settings() -> None:
    assert check("SELECT 1 SETTINGS max_threads = -1, extremes = true", CATALOG).settings == {"max_threads": "-1", "extremes": "true"}


def test_what_is_run_has_no_comments_and_no_heredocs() -> None:
    assert check("SELECT /* a */ 1, $x$it's \\ $x$ -- b", CATALOG).sql == "SELECT   1,  'it\\'s \\\\ '"


def test_parameters_are_named_and_normalised() -> None:
    checked = check("SELECT { a : UInt8 }, {b:String}, '{c:String}'", CATALOG)
    assert checked.sql == "SELECT {a:UInt8}, {b:String}, '{c:String}'"
    assert checked.parameters == {"a", "b"}


def test_identifiers_are_put_in_place() -> None:
    assert check("SELECT * FROM {t:Identifier}", CATALOG, {"t": "mission_control.threads"}).sql == (
        "SELECT * FROM `mission_control`.`threads`"
    )
    with pytest.raises(SqlRejectedError, match="UNKNOWN_TABLE"):
        check("SELECT * FROM {t:Identifier}", CATALOG, {"t": "thr`eads"})


def test_system_tables_are_filtered_and_keep_their_names() -> None:
    plain = check("SELECT tables.name FROM system.tables WHERE 1", CATALOG).sql
    assert ") AS tables WHERE 1" in plain
    assert "database = 'mission_control'" in plain
    assert ") t WHERE 1" in check("SELECT t.name FROM system.tables t WHERE 1", CATALOG).sql
    assert ") AS `t` WHERE 1" in check("SELECT t.name FROM system.tables AS `t` WHERE 1", CATALOG).sql
    assert check("SELECT name FROM system.tables", CATALOG).sql.endswith(") AS tables")


def test_the_host_does_not_show_in_display_name() -> None:
    assert check("SELECT displayName(), 1", CATALOG).sql == "SELECT  'mission-control' , 1"


def test_a_hidden_name_may_be_given_another_meaning_at_the_outermost_level() -> None:
    assert check("WITH steps AS (SELECT 1) SELECT * FROM steps", CATALOG).shadows == {"steps"}


def test_exists_tells_only_of_views() -> None:
    assert check("EXISTS TABLE threads", CATALOG).sql == "SELECT toUInt8(1) AS result"
    assert check("EXISTS VIEW spans", CATALOG).sql == "SELECT toUInt8(0) AS result"
    assert check("EXISTS DATABASE system", CATALOG).sql == "SELECT toUInt8(0) AS result"


def test_statements_around_a_select() -> None:
    assert check("EXPLAIN PLAN SELECT 1", CATALOG).statement == "EXPLAIN PLAN SELECT 1"
    assert check("DESCRIBE (SELECT 1 AS x) FORMAT CSV", CATALOG).statement == "DESCRIBE TABLE (SELECT 1 AS x)"


def test_a_query_that_takes_too_long_to_parse_is_left_to_the_engine() -> None:
    checked = check("SELECT * FROM threads" + " JOIN threads" * 30, CATALOG)
    assert checked.defined == frozenset()
    values = "1, " * 15_000
    assert check(f"WITH x AS (SELECT 1) SELECT 1 IN ({values} 2) FROM x", CATALOG).defined == frozenset({"x"})


def test_lists_do_not_contradict_each_other() -> None:
    assert not HANDED_ON_SETTINGS & IGNORED_SETTINGS
    assert not any(is_denied_function(view) for view in VIEWS)
    assert not is_denied_function("in")


@pytest.mark.parametrize(("code", "status"), [(62, 400), (60, 404), (164, 403), (159, 408), (202, 503), (241, 507), (1, 500), (516, 403)])
def test_statuses(code: int, status: int) -> None:
    assert status_of(code) == status
