"""The reference pages that list things, written from the code: `python -m mission_control.reference [--check]`.

Each page is a pure function from what the code says to Markdown; `--check` compares instead of writing.
"""

import inspect
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import typer
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mission_control import dialect_pages
from mission_control.main import app as command_line
from mission_control.markdown import Row, page, table
from schemas import topics
from schemas.metrics import Metrics
from schemas.migrate import migrate
from schemas.settings import MEBIBYTE, Settings
from schemas.store import DATABASE, open_embedded

REFERENCE = Path("docs/reference")
DIALECT_PAGES = Path("docs/dialects")


def settings_page(settings: type[Settings] = Settings) -> str:
    prefix = settings.model_config.get("env_prefix", "")
    rows = [
        (f"`{name}`", f"`{prefix}{name.upper()}`", _default(name, field), field.description or "")
        for name, field in settings.model_fields.items()
    ]
    return page(
        "Settings",
        "`schemas/settings.py`",
        "A command-line option overrides the environment variable, which overrides the key in `mission_control.yml`"
        " (in the working directory), which overrides the default.",
        table(("key", "environment variable", "default", "what it does"), rows),
    )


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "the user's data directory"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr) or value in ("", (), {}):
        return "none"
    return f"`{value}`"


def topics_page(words: ModuleType = topics) -> str:
    """Topics and headers with the text that follows each constant in the source."""
    rows = [(f"`{value}`", f"`{name}`", comment) for name, value, comment in _constants(words)]
    return page(
        "Topics and headers",
        "`schemas/topics.py`",
        "What lies in the log: each record's value is an OTLP `Export…ServiceRequest` in protobuf, its headers say who sent it and when.",
        table(("name", "constant", "meaning"), rows),
    )


def _constants(module: ModuleType) -> list[tuple[str, str, str]]:
    lines = inspect.getsource(module).splitlines()
    found = []
    for number, line in enumerate(lines):
        name = line.partition(":")[0]
        value = getattr(module, name, None) if ": Final" in line else None
        if isinstance(value, str):
            following = lines[number + 1] if number + 1 < len(lines) else ""
            found.append((name, value, following.strip().strip('"') if following.startswith('"""') else ""))
    return found


def metrics_page() -> str:
    metrics = [value for value in vars(Metrics(CollectorRegistry())).values() if isinstance(value, MetricWrapperBase)]
    rows = [_metric_row(metric) for metric in metrics]
    return page(
        "Metrics",
        "`schemas/metrics.py`",
        "Every role serves them at `/metrics` on its `--port`, in Prometheus' text format. Times are in seconds.",
        table(("metric", "type", "labels", "meaning"), rows),
    )


def _metric_row(metric: MetricWrapperBase) -> Row:
    (described,) = metric.describe()
    name = described.name + ("_total" if described.type == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return (f"`{name}`", described.type, labels, described.documentation)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one view, as ClickHouse describes it."""

    view: str
    about: str
    name: str
    type: str
    comment: str


COLUMNS = """SELECT c.table AS view, t.comment AS about, c.name AS name, c.type AS type, c.comment AS comment
FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = {database:String} AND t.engine = 'View'
ORDER BY startsWith(view, 'otel_'), view, c.position"""


def read_columns() -> list[Column]:
    """What a fresh store has, from its own system tables: opened in a directory that is thrown away."""
    with tempfile.TemporaryDirectory() as directory:
        store = open_embedded(Path(directory), 512 * MEBIBYTE, 16 * MEBIBYTE)
        try:
            migrate(store)
            return [Column(**row) for row in store.query(COLUMNS, {"database": DATABASE})]
        finally:
            store.close()


def tables_page(columns: Iterable[Column] | None = None) -> str:
    views = groupby(read_columns() if columns is None else columns, key=lambda column: (column.view, column.about))
    sections = (
        f"## {view}\n\n" + (f"{about}.\n\n" if about else "") + table(("column", "type", "meaning"), _column_rows(of_view))
        for (view, about), of_view in views
    )
    return page(
        "Tables",
        "`schemas/views/`",
        f"Views of database `{DATABASE}`, for SQL on port 8123: one row per real thing however often it was delivered."
        " `otel_*` have the columns of the OpenTelemetry Collector's ClickHouse exporter. Times are UTC.",
        *sections,
    )


def _column_rows(columns: Iterable[Column]) -> list[Row]:
    return [(f"`{column.name}`", f"`{column.type}`", column.comment) for column in columns]


def cli_page(app: typer.Typer) -> str:
    return page(
        "Command line",
        "`mission_control/main.py`",
        "`mission-control COMMAND --help` says the same. Clients find a running system by `--url` and `--token`, then `MISSION_CONTROL_URL`"
        " and `MISSION_CONTROL_TOKEN`, then `run.json` in the data directory.",
        *_commands("mission-control", typer.main.get_command(app)),
    )


def _commands(path: str, command: Any) -> Iterator[str]:
    """One section per command that runs; groups are followed. Typer's own command classes have no public names."""
    for name, one in sorted(getattr(command, "commands", {}).items()):
        if not one.hidden:
            yield from _commands(f"{path} {name}", one)
    if not hasattr(command, "commands"):
        yield _command(path, command)


def _command(path: str, command: Any) -> str:
    shown = [one for one in command.params if not getattr(one, "hidden", False) and "--help" not in one.opts]
    words = [one.metavar or one.name.upper() for one in shown if one.param_type_name == "argument"]
    rows = [(_spelling(one), getattr(one, "help", None) or "") for one in shown]
    parts = [f"## {' '.join([path, *words])}", inspect.cleandoc(command.help or "").split("\f")[0].strip()]
    return "\n\n".join([*parts, table(("option", "what it does"), rows)] if rows else parts)


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return ", ".join(f"`{option}{value}`" for option in (*parameter.opts, *parameter.secondary_opts))


Pages = Mapping[str, Callable[[], str]]


def pages() -> Pages:
    """File name in `docs/reference/` and what writes it."""
    return {
        "settings.md": settings_page,
        "cli.md": lambda: cli_page(command_line),
        "tables.md": tables_page,
        "metrics.md": metrics_page,
        "topics.md": topics_page,
    }


def outdated(directory: Path, wanted: Pages) -> list[str]:
    """Names of the pages that differ from what the code says."""
    return [name for name, render in wanted.items() if not _same(directory / name, render())]


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def write(directory: Path, wanted: Pages) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, render in wanted.items():
        (directory / name).write_text(render(), encoding="utf-8")


def main(arguments: list[str], directory: Path = REFERENCE, wanted: Pages | None = None) -> int:
    """Exit status: 1 when `--check` found a page that `make docs` would change. Without `wanted` all pages of all directories."""
    sections = {REFERENCE: pages(), DIALECT_PAGES: dialect_pages.pages()} if wanted is None else {directory: wanted}
    if "--check" not in arguments:
        for place, section in sections.items():
            write(place, section)
        return 0
    stale = [place / name for place, section in sections.items() for name in outdated(place, section)]
    for path in stale:
        print(f"{path} is not what the code says; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
