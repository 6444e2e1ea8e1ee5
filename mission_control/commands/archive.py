"""`archive`: what has left the store by age, as Parquet: listed, searched, put back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mission_control.commands.output import People, table, write_json
from mission_control.commands.target import Data, Json, Limit, of_run_file
from mission_control.commands.words import count, line, size
from mission_control.runfile import read_run_file
from schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from operations.archive import Archive
    from operations.archive_files import ArchiveFiles, Wanted

app: Final = typer.Typer(no_args_is_help=True, help="What has left the store by age, as Parquet: list, search, restore it.")
Project = Annotated[str, typer.Option("--project", help="Of this project only.")]
Tables = Annotated[list[str] | None, typer.Option("--table", help="Of this table only (spans, log_records, …); may be repeated.")]
Since = Annotated[str, typer.Option("--from", metavar="DAY", help="Received on this day or later, like 2030-01-31.")]
Until = Annotated[str, typer.Option("--to", metavar="DAY", help="Received on this day or before.")]
Keep = Annotated[int, typer.Option("--keep", min=1, metavar="DAYS", help="Days from today for which it stays in the store.")]


@app.command("list")
def list_files(
    project: Project = "", tables: Tables = None, since: Since = "", until: Until = "", data: Data = None, as_json: Json = False
) -> None:
    """Files of the archive by table and project: days, rows, bytes."""
    found = list(_files(_settings(data)).files(_wanted(project, tables, since, until)))
    if as_json:
        write_json([{**asdict(file.group), "path": str(file.path), "rows": file.rows, "bytes": file.bytes} for file in found])
        return
    if not found:
        typer.echo("nothing of that is in the archive; records go there when they leave the store by age (docs/retention.md)")
        return
    rows = []
    for (name, owner), group in groupby(found, key=lambda file: (file.group.table, file.group.project)):
        files = list(group)
        days = f"{files[0].group.day} … {files[-1].group.day}"
        rows.append((name, line(owner), days, count(sum(one.rows for one in files)), size(sum(one.bytes for one in files))))
    People().print(table(("table", "project", "days", ">rows", ">size"), rows))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What a row must contain: an id, a word of a message, an attribute.")],
    project: Project = "",
    tables: Tables = None,
    since: Since = "",
    until: Until = "",
    limit: Limit = 100,
    data: Data = None,
) -> None:
    """Archived rows that contain a text, one JSON object a line. Needs no running system."""
    from operations.archive import search as look

    for row in look(_files(_settings(data)), _wanted(project, tables, since, until), text, limit):
        _write_line(row)


@app.command()
def restore(
    project: Project = "",
    tables: Tables = None,
    since: Since = "",
    until: Until = "",
    keep: Keep = 30,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put archived rows back into the store, by the running system or, where none runs, by this command. The archive keeps them."""
    settings = _settings(data)
    info = read_run_file(settings.data_dir)
    if info is None:
        wanted = _wanted(project, tables, since, until)
        with _opened(settings) as archive:
            done = asdict(archive.restore(wanted, keep))
    else:
        from mission_control.commands.socket import order

        arguments = {"project": project, "tables": tables or [], "from": since, "to": until, "keep_days": keep}
        done = order(of_run_file(info, "", settings), "archive.restore", arguments)
    _report(done, as_json, f"{done['rows']} rows of {done['files']} files are back for {keep} days")


@app.command()
def run(data: Data = None, as_json: Json = False) -> None:
    """One round by hand, or by cron beside a ClickHouse server; `up` makes one every hour."""
    with _opened(_settings(data)) as archive:
        done = asdict(archive.round())
    _report(done, as_json, f"{done['rows']} rows archived in {done['files']} files; {done['removed']} old files deleted")


def _report(done: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        write_json(done)
    else:
        typer.echo(text)


def _settings(data: Path | None) -> Settings:
    return load_settings(data_dir=data and data.expanduser().absolute())


def _files(settings: Settings) -> "ArchiveFiles":
    from operations.archive_files import ArchiveFiles

    return ArchiveFiles(settings.archive)


def _wanted(project: str, tables: list[str] | None, since: str, until: str) -> "Wanted":
    from control.commands import BadArgumentsError
    from mission_control.archiving import wanted

    try:
        return wanted({"project": project, "tables": tables, "from": since, "to": until})
    except BadArgumentsError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _opened(settings: Settings) -> Iterator["Archive"]:
    """The store of the settings, while nobody else has it. Raises LogLockedError, StoreLockedError, StoreUnavailableError."""
    from operations.archive import Archive
    from pipeline.log.files import lock_directory
    from schemas.store import open_store

    remote = bool(settings.clickhouse_url.get_secret_value())
    if not remote:
        log = settings.data_dir / "log"
        log.mkdir(parents=True, exist_ok=True)
        lock_directory(log)
    store = open_store(settings)
    try:
        yield Archive(store, _files(settings), settings.archive_days, forgets=remote)
    finally:
        store.close()


def _write_line(row: dict[str, Any]) -> None:
    import json

    sys.stdout.write(json.dumps(row) + "\n")
