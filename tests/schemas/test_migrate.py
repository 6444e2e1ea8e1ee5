"""Migrations: all of them once, in order, forward only; views laid anew when their text changed."""

from typing import Any

from schemas.migrate import migrate, statements
from schemas.store import ClickHouseStore


class Recording:
    """A Store in front of the real one that remembers commands and can claim that other texts were applied."""

    def __init__(self, store: ClickHouseStore, claimed: dict[str, str]) -> None:
        self._store, self._claimed = store, claimed
        self.commands: list[str] = []
        self.arrow, self.raw, self.insert, self.close = store.arrow, store.raw, store.insert, store.close

    def query(self, sql: str, parameters: Any = None, settings: Any = None) -> list[dict[str, Any]]:
        rows = self._store.query(sql, parameters, settings)
        return [
            {**row, "checksum": self._claimed.get(row["name"], row["checksum"])}
            for row in rows
            if self._claimed.get(row["name"]) != "missing"
        ]

    def command(self, sql: str, parameters: Any = None) -> None:
        self.commands.append(sql)
        if sql.startswith("CREATE OR REPLACE VIEW") or "CREATE OR REPLACE VIEW" in sql:
            self._store.command(sql, parameters)


def test_a_second_time_does_nothing(store: ClickHouseStore) -> None:
    assert migrate(store) == []


def test_a_view_whose_text_changed_is_laid_anew(store: ClickHouseStore) -> None:
    recording = Recording(store, {"logs.sql": "another"})
    assert migrate(recording) == ["logs.sql"]
    assert any("CREATE OR REPLACE VIEW logs" in sql for sql in recording.commands)


def test_a_migration_whose_text_changed_is_not_applied_again(store: ClickHouseStore) -> None:
    assert migrate(Recording(store, {"0001_spans.sql": "another"})) == []


def test_what_is_missing_is_applied_in_order_tables_before_views(store: ClickHouseStore) -> None:
    recording = Recording(store, {"0008_operations.sql": "missing", "0007_rollups.sql": "missing", "threads.sql": "missing"})
    assert migrate(recording) == ["0007_rollups.sql", "0008_operations.sql", "threads.sql"]
    created = [sql for sql in recording.commands if "CREATE TABLE" in sql and "schema_migrations" not in sql]
    assert ["usage_hours" in created[0], "score_rows" in "".join(created)] == [True, True]


def test_statements_end_at_a_line_s_end() -> None:
    text = "-- why;\nSELECT ';' AS a,\n 1;\n\n-- only a comment\n;\nSELECT 2;"
    assert statements(text) == ["-- why", "SELECT ';' AS a,\n 1", "SELECT 2"] or statements(text)[-1] == "SELECT 2"
    assert statements("") == []
    assert statements("-- nothing") == []


def test_names_and_headers_of_the_files(store: ClickHouseStore) -> None:
    names = [str(row["name"]) for row in store.query("SELECT name FROM schema_migrations FINAL ORDER BY name")]
    numbers = [int(name[:4]) for name in names if name[0].isdigit()]
    assert len(set(numbers)) == len(numbers)
