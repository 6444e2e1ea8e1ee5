"""The reference pages list what the code has, and rot is noticed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mission_control import reference
from mission_control.markdown import table
from mission_control.reference import Column
from schemas import topics
from schemas.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = {"one.md": lambda: "one\n", "two.md": lambda: "two\n"}


def written(name: str) -> str:
    return (ROOT / "docs/reference" / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_pages_in_git_are_what_the_code_says() -> None:
    """In a process of its own, because it opens a store."""
    command = [sys.executable, "-m", "mission_control.reference", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert [name for name in reference.pages() if f"(reference/{name})" not in index] == []


def test_every_setting_is_listed_with_its_description() -> None:
    page = written("settings.md")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` | `MISSION_CONTROL_{name.upper()}` |" in page
        assert field.description, f"{name} has no description"


def test_every_topic_is_listed() -> None:
    page = written("topics.md")
    assert all(f"`{topic}`" in page for topic in (*topics.SIGNALS, topics.SOURCE_HEADER))


def test_every_column_of_our_own_views_has_a_meaning() -> None:
    ours = written("tables.md").split("\n## otel_")[0]
    assert re.findall(r"^\| `(\w+)` \| [^|]*\|\s*\|$", ours, re.MULTILINE) == []


def test_secrets_and_paths_of_this_machine_are_not_written() -> None:
    page = reference.settings_page()
    assert str(Path.home()) not in page
    assert "`sentry_dsn` | `MISSION_CONTROL_SENTRY_DSN` | none |" in page


def test_a_setting_without_default_is_required() -> None:
    class Needy(Settings):
        name: str

    assert "| `name` | `MISSION_CONTROL_NAME` | required |  |" in reference.settings_page(Needy)


def test_counters_carry_their_suffix_and_labels() -> None:
    page = reference.metrics_page()
    assert "| `mission_control_otlp_requests_total` | counter | `signal`, `transport`, `outcome` |" in page
    assert "| `mission_control_websocket_connections` | gauge |  |" in page


def test_columns_stand_under_their_view() -> None:
    page = reference.tables_page(
        [Column("logs", "Log records", "level", "String", "DEBUG | INFO"), Column("otel_logs", "", "Body", "String", "")]
    )
    assert "## logs\n\nLog records.\n\n| column | type | meaning |\n| --- | --- | --- |\n| `level` | `String` | DEBUG \\| INFO |" in page
    assert "## otel_logs\n\n| column |" in page


def test_commands_stand_with_their_options() -> None:
    app, service = typer.Typer(), typer.Typer()
    app.add_typer(service, name="service")

    @app.command()
    def thread(
        thread_id: str = typer.Argument(help="Which one."), *, port: int = typer.Option(8000, help="Its port."), json: bool = False
    ) -> None:
        """Show one thread."""

    @service.command()
    def install() -> None:
        """Start it with the machine."""

    @app.command(hidden=True)
    def secret() -> None:
        """Not for people."""

    page = reference.cli_page(app)
    assert "## mission-control thread THREAD_ID\n\nShow one thread." in page
    assert "| `THREAD_ID` | Which one. |" in page
    assert "| `--port PORT` | Its port. |" in page
    assert "| `--json`, `--no-json` |  |" in page
    assert "## mission-control service install\n\nStart it with the machine.\n" in page
    assert "secret" not in page


def test_cells_stay_in_their_row() -> None:
    assert table(("a",), [("one | two\nthree",)]).splitlines()[2] == "| one \\| two three |"


def test_check_tells_which_page_is_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check"], tmp_path, PAGES) == 1
    assert "one.md is not what the code says; run `make docs`" in capsys.readouterr().err
    assert reference.main([], tmp_path, PAGES) == 0
    assert reference.main(["--check"], tmp_path, PAGES) == 0
    (tmp_path / "two.md").write_text("old")
    assert reference.outdated(tmp_path, PAGES) == ["two.md"]
