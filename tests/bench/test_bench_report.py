"""Quantiles, tables, the page, and the names of parts."""

from pathlib import Path

import pytest

from bench import document, machine
from bench.__main__ import NAMES, PAGE, parse, run, sizes
from bench.errors import NotCompleteError
from bench.parts import Part, active, active_parts, directory_bytes
from bench.parts import parse as parse_part
from bench.quantiles import Spread, quantile, spread
from bench.tables import Figure, Result, Table, figures_table, markdown, number, text

TABLE = Table("one", "A table", ("what", "how many"), [["a|b", "1"], ["c", "22"]], "A note.")


def test_quantiles_are_measured_values() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.99) == 4.0
    assert spread([float(value) for value in range(200, 0, -1)]) == Spread(200, 100.0, 198.0, 200.0)
    assert spread([]) == Spread(0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="nothing was measured"):
        quantile([], 0.5)


def test_numbers_have_three_digits_that_count() -> None:
    values = (0.0, 0.0123, 1.234, 12.34, 123.4, 1234.5, 7.0, float("inf"))
    assert [number(value) for value in values] == ["0", "0.012", "1.23", "12.3", "123", "1,234", "7", "never"]


def test_figures_say_whether_they_are_met() -> None:
    most, least = Figure("p99", 90.0, "ms", "most", 100), Figure("ratio", 0.5, "", "least", 0.7)
    assert [row[-1] for row in figures_table("figures", [most, least]).rows] == ["yes", "no"]
    assert most.cells() == ["p99", "90 ms", "≤ 100", "yes"]


def test_tables_as_text_and_markdown() -> None:
    assert markdown(TABLE).splitlines()[2:] == ["| what | how many |", "|---|---|", "| a\\|b | 1 |", "| c | 22 |", "", "A note."]
    assert text(TABLE).splitlines() == ["A table", "  what  how many", "  a|b   1", "  c     22", "  A note."]


def test_a_table_goes_to_its_place_and_again() -> None:
    page = "x\n<!-- bench:one -->\nold\n<!-- /bench:one -->\ny\n<!-- bench:two -->\nkept\n<!-- /bench:two -->\n"
    once = document.written(page, [TABLE, Table("nowhere", "", (), [])], "Measured now.")
    assert "old" not in once
    assert "kept" in once
    assert once.startswith("x\n<!-- bench:one -->\n**A table**")
    assert "Measured now.\n<!-- /bench:one -->\ny\n" in once
    assert document.written(once, [TABLE], "Measured now.") == once
    assert document.places(once) == ["one", "two"]


def test_the_page_has_a_place_for_every_measurement() -> None:
    places = set(document.places(PAGE.read_text(encoding="utf-8")))
    assert {"ingest", "ingest-stages", "peers", "latency", "api-1M", "api-10M", "memory", "disk", "steady"} <= places
    assert {f"figures-{name}" for name in NAMES} <= places


def test_the_machine_in_words() -> None:
    assert machine.cpu_model("processor\t: 0\nmodel name\t: Some CPU 9\n") == "Some CPU 9"
    assert machine.cpu_model("") == ""
    assert machine.description().startswith("Measured 20")


def test_parts_that_were_merged_are_not_counted() -> None:
    parts = [parse_part(name) for name in ("20261101_1_1_0", "20261101_2_2_0", "20261101_1_2_1", "20261101_3_3_0", "20261102_1_1_0")]
    named = [part for part in parts if part]
    assert len(named) == 5
    assert active(named) == [Part("20261101", 1, 2, 1), Part("20261101", 3, 3, 0), Part("20261102", 1, 1, 0)]
    assert parse_part("tmp_insert_20261101_1_1_0") is None
    assert parse_part("detached") is None
    assert parse_part("all_1_4_2_7") == Part("all", 1, 4, 2)


def test_parts_of_a_data_directory(tmp_path: Path) -> None:
    table = tmp_path / "store" / "chdb" / "store" / "abc" / "abc-def"
    (table / "all_1_1_0").mkdir(parents=True)
    (table / "all_1_1_0" / "data.bin").write_bytes(b"12345")
    (table / "format_version.txt").write_text("1")
    named = tmp_path / "store" / "chdb" / "data" / "mission_control"
    named.mkdir(parents=True)
    (named / "spans").symlink_to(table)
    assert active_parts(tmp_path) == {"spans": [Part("all", 1, 1, 0, 5)]}
    assert directory_bytes(tmp_path) == 6


def test_what_cannot_be_measured_does_not_stop_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> Result:
        raise NotCompleteError("spans", 10, 9)

    whole = Result([TABLE], [Figure("p99", 90.0, "ms", "most", 100)])
    tables, errors = run({"ingest": broken, "latency": lambda: whole}, ["ingest", "latency"])
    assert [table.name for table in tables] == ["one", "figures-latency"]
    assert errors == ["ingest: NotCompleteError: 10 spans were to become visible, 9 are"]
    assert "A table" in capsys.readouterr().out


def test_options() -> None:
    assert parse([]).wanted == list(NAMES)
    assert parse(["--only", "disk,ingest"]).wanted == ["ingest", "disk"]
    assert sizes(parse(["--full"])).dataset == 10_000_000
    assert sizes(parse(["--quick", "--spans", "5"])).ingest == 5
    with pytest.raises(SystemExit):
        parse(["--only", "nothing"])
