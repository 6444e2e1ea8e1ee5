"""`dashboards`: bring our dashboards to a Grafana server, see what differs there, fetch what it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import httpx
import orjson
import typer
from rich.text import Text

from dashboards.files import dashboard_files
from dashboards.grafana_api import Difference, Grafana, compare
from mission_control.commands.output import People, cut, table, write_json
from mission_control.commands.target import Json
from mission_control.errors import FAILED

app: Final = typer.Typer(
    no_args_is_help=True, help="Grafana: send our dashboards to a server, compare, fetch. Files to provision need none of this."
)

Url = Annotated[str, typer.Option("--url", envvar="GRAFANA_URL", help="Address of the Grafana server.")]
Token = Annotated[str, typer.Option("--token", envvar="GRAFANA_TOKEN", help="Token of a service account that may edit dashboards.")]
_SECONDS: Final = 30.0


@app.command()
def push(url: Url, token: Token, message: Annotated[str, typer.Option("--message", help="Note in the dashboards' history.")] = "") -> None:
    """Send every dashboard into the folder Mission Control; what is there under their uids is replaced."""
    with _grafana(url, token) as grafana:
        grafana.ensure_folder()
        for uid, model in dashboard_files().items():
            grafana.push(model, message)
            typer.echo(f"pushed {uid}")


@app.command()
def diff(url: Url, token: Token, as_json: Json = False) -> None:
    """Say which dashboards the server lacks or has otherwise; exit status 1 when there is one."""
    with _grafana(url, token) as grafana:
        found = [compare(model, grafana.pull(uid)) for uid, model in dashboard_files().items()]
    if as_json:
        write_json([asdict(one) for one in found])
    else:
        People().print(table(("!uid", "title", "!state", "where"), [_row(one) for one in found]))
    if any(one.state != "same" for one in found):
        raise typer.Exit(FAILED)


def _row(one: Difference) -> list[Text]:
    shown = ", ".join(one.paths[:5]) + (f" and {len(one.paths) - 5} more" if len(one.paths) > 5 else "")
    return [Text(one.uid), cut(one.title), Text(one.state), cut(shown)]


@app.command()
def pull(url: Url, token: Token, out: Annotated[Path, typer.Option("--out", help="Directory for the files.")] = Path()) -> None:
    """Write the server's versions of our dashboards as files."""
    out.mkdir(parents=True, exist_ok=True)
    with _grafana(url, token) as grafana:
        for uid in dashboard_files():
            model = grafana.pull(uid)
            if model is None:
                typer.echo(f"missing {uid}")
                continue
            (out / f"{uid}.json").write_bytes(orjson.dumps(model, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
            typer.echo(f"pulled {uid}")


@contextmanager
def _grafana(url: str, token: str) -> Iterator[Grafana]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS) as http:
        yield Grafana(http)
