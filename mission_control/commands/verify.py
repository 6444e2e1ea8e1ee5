"""`verify`: whether a ClickHouse server or cluster takes everything that Mission Control asks of it."""

from typing import Annotated

import typer

from mission_control.commands.migrate import Cluster
from mission_control.commands.output import write_json
from mission_control.commands.target import Json
from mission_control.commands.words import line
from mission_control.errors import CommandError
from schemas.errors import SettingsError
from schemas.settings import load_settings

ClickHouseUrl = Annotated[
    str | None, typer.Option("--clickhouse-url", metavar="URL", help="http[s]://user:password@host:port; else the setting.")
]


def verify(clickhouse_url: ClickHouseUrl = None, cluster: Cluster = None, as_json: Json = False) -> None:
    """Try the whole schema on a ClickHouse server, in a database of its own that is dropped again, and say what did not work."""
    settings = load_settings(clickhouse_url=clickhouse_url, clickhouse_cluster=cluster)
    if not settings.clickhouse_url.get_secret_value():
        raise SettingsError("clickhouse_url", "name the server to be tried")
    from schemas.migrate_verify import verify as try_everything

    tried = []
    for one in try_everything(settings):
        tried.append(one)
        if not as_json:
            typer.echo(line(f"{'failed' if one.problem else 'ok'} {one.what}" + (f": {one.problem[:500]}" if one.problem else "")))
    if as_json:
        write_json([{"what": one.what, "ok": not one.problem, "problem": one.problem} for one in tried])
    failed = sum(bool(one.problem) for one in tried)
    if failed:
        raise CommandError(f"{failed} of {len(tried)} did not work")
