"""`sql`: ClickHouse's SQL over the running system's tables."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.text import Text

from mission_control.client import SqlReply
from mission_control.commands.output import People, cut, table, write_json
from mission_control.commands.target import Data, Json, Token, Url, connect
from mission_control.errors import CommandError


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A SELECT; - reads it from stdin. Its own FORMAT is kept.")],
    as_json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV with a line of names.")] = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Run a query over threads, execution_steps, logs, permission_events and the other tables."""
    if as_json and csv:
        raise typer.BadParameter("give one of --json and --csv")
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise typer.BadParameter("the query is empty")
    wanted = "CSVWithNames" if csv else "JSON" if as_json else "JSONCompact"
    with connect(url, token, data) as api:
        if not api.target.sql:
            raise CommandError(f"the system at {api.target.console} has no SQL port")
        reply = api.sql(text, wanted)
    _show(reply, wanted)


def _show(reply: SqlReply, wanted: str) -> None:
    if reply.format != wanted or wanted == "CSVWithNames":
        sys.stdout.buffer.write(reply.body)
        sys.stdout.buffer.flush()
    elif wanted == "JSON":
        write_json(json.loads(reply.body)["data"])
    else:
        _table(json.loads(reply.body))


def _table(result: dict[str, Any]) -> None:
    console = People()
    numbers = ("Int", "UInt", "Float", "Decimal")
    titles = [(">" if _plain(column["type"]).startswith(numbers) else "") + cut(column["name"]).plain for column in result["meta"]]
    console.print(table(titles, [[_cell(value) for value in row] for row in result["data"]]))
    console.print(Text(f"{len(result['data'])} rows" if len(result["data"]) != 1 else "1 row", style="dim"))


def _plain(kind: str) -> str:
    return kind.removeprefix("LowCardinality(").removeprefix("Nullable(")


def _cell(value: Any) -> Text:
    return Text("null", style="dim") if value is None else cut(value)
