"""`dead-letters`: what could not be stored, another try for it, or its end."""

import base64
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from mission_control.client import Api, Row
from mission_control.commands.output import Cell, People, cut, facts, table, write_json
from mission_control.commands.since import now
from mission_control.commands.target import Data, Json, Limit, Project, Token, Url, connect, find
from mission_control.commands.words import ago, line, size, visible
from mission_control.errors import FAILED, CommandError

app: Final = typer.Typer(no_args_is_help=True, help="What could not be stored: list it, look at it, send it again, drop it.")
PATHS: Final = {"otlp_spans": "/v1/traces", "otlp_logs": "/v1/logs", "otlp_metrics": "/v1/metrics"}
PROJECT_HEADER: Final = "x-mission-control-project"
SOURCE_HEADER: Final = "x-mission-control-source"
_COLUMNS: Final = (
    "concat(signal, '/', toString(log_partition), '/', toString(log_offset), '/', toString(part)) AS id,"
    " received_at, source, project, signal, reason, error, length(payload) AS payload_bytes, payload_sha256, replayed_at"
)
_ONE: Final = f"SELECT {_COLUMNS}, base64Encode(payload) AS payload_base64 FROM dead_letters WHERE id = {{id:String}} LIMIT 1"

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Which ones.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="signal/partition/offset/part, as `list` shows it.")]


@app.command("list")
def list_(
    signal: Annotated[str, typer.Option("--signal", help="otlp_spans, otlp_logs or otlp_metrics.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Only of this reason.")] = "",
    project: Project = "*",
    limit: Limit = 50,
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """List dead letters, newest first."""
    with connect(url, token, data) as api:
        found = list(api.items("/api/dead-letters", limit, signal=signal, reason=reason, project=project))
    rows = [{"id": _id(row), **row} for row in found]
    if as_json:
        write_json(rows)
        return
    titles = ("!id", "!when", "project", "reason", "error", ">size", "replayed")
    People().print(table(titles, [_row(row) for row in rows]) if rows else Text("no dead letters"))


def _id(row: Row) -> str:
    return "/".join(str(row[name]) for name in ("signal", "log_partition", "log_offset", "part"))


def _row(row: Row) -> list[Cell]:
    return [
        line(row["id"]),
        ago(row["received_at"], now()),
        cut(row["project"]),
        line(row["reason"]),
        cut(row["error"]),
        size(row["payload_bytes"]),
        ago(row["replayed_at"], now()),
    ]


@app.command()
def show(dead_letter: Id, as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """Show one dead letter with its payload."""
    with connect(url, token, data) as api:
        found = read(api, dead_letter)
    if as_json:
        write_json(found)
        return
    console = People()
    said = [(Text(name, style="bold"), cut(value)) for name, value in found.items() if name != "payload_base64" and value not in (None, "")]
    console.print(facts(("!", ""), said))
    console.print(Text("\n" + _readable(found["signal"], base64.b64decode(found["payload_base64"]))), soft_wrap=True)


def read(api: Api, dead_letter: str) -> Row:
    """All of it, the payload in base64. Raises CommandError when there is none of this id."""
    found = api.rows(_ONE, id=dead_letter)
    if not found:
        raise CommandError(f"no dead letter has the id {dead_letter!r}; `mission-control dead-letters list` shows them")
    return found[0]


def _readable(signal: str, payload: bytes) -> str:
    """As OTLP where it is that, else its first bytes in hexadecimal."""
    from schemas import otlp
    from schemas.errors import MalformedRequestError

    try:
        message: Any = otlp.parse_lenient(signal, payload)
    except (MalformedRequestError, KeyError):
        shown = payload[:512].hex(" ")
        return shown + (" …" if len(payload) > 512 else "")
    return visible(str(message))


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one: `status` is the OTLP port's HTTP status."""

    id: str
    status: int
    accepted: bool
    answer: str


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Which ones; or --all.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one that was not replayed yet.")] = False,
    signal: Annotated[str, typer.Option("--signal", help="With --all: only of this signal.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="With --all: only of this reason.")] = "",
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Send payloads again to the OTLP port, as their project; says what became of each."""
    if bool(ids) == everything:
        raise typer.BadParameter("give ids, or --all")
    with connect(url, token, data) as api:
        chosen = ids or _waiting(api, signal, reason)
        done = [send(api, read(api, one)) for one in chosen]
        if accepted := [one.id for one in done if one.accepted]:
            from mission_control.commands.socket import order

            order(find(url, token, data), "dead_letters.replayed", {"ids": accepted})
    if as_json:
        write_json([{"id": one.id, "status": one.status, "accepted": one.accepted, "answer": one.answer} for one in done])
    else:
        People().print(
            table(("!id", "!result", "answer"), [(one.id, _result(one), cut(one.answer)) for one in done])
            if done
            else Text("nothing to replay")
        )
    if not all(one.accepted for one in done):
        raise typer.Exit(FAILED)


@app.command()
def drop(ids: Ids, as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """Delete dead letters with their bytes, for good; who did it stays in the audit."""
    from mission_control.commands.socket import order

    target = find(url, token, data)
    with connect(url, token, data) as api:
        for one in ids:
            read(api, one)  # a wrong id is said before anything goes
    done = order(target, "dead_letters.dropped", {"ids": ids})
    if as_json:
        write_json(done)
    else:
        typer.echo(f"{done['dropped']} dropped")


def _waiting(api: Api, signal: str, reason: str) -> list[str]:
    sql = (
        f"SELECT {_COLUMNS} FROM dead_letters WHERE replayed_at IS NULL AND ({{signal:String}} = '' OR signal = {{signal:String}})"
        " AND ({reason:String} = '' OR reason = {reason:String}) ORDER BY received_at, id"
    )
    return [row["id"] for row in api.rows(sql, signal=signal, reason=reason)]


def send(api: Api, found: Row) -> Replayed:
    if found["signal"] not in PATHS:
        return Replayed(found["id"], 0, False, f"nothing takes the signal {found['signal']}")
    headers = {"content-type": "application/x-protobuf", SOURCE_HEADER: "replay"}
    if found["project"]:
        headers[PROJECT_HEADER] = found["project"].encode().decode("latin-1")
    response = api.otlp(PATHS[found["signal"]], base64.b64decode(found["payload_base64"]), headers)
    return Replayed(found["id"], response.status_code, response.is_success, "" if response.is_success else _why(response.content))


def _why(body: bytes) -> str:
    """The message of a google.rpc.Status; whatever else answered, as text."""
    from google.protobuf.message import DecodeError
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # generated code without stubs

    try:
        return str(Status.FromString(body).message)
    except DecodeError:
        return body.decode(errors="replace")


def _result(one: Replayed) -> Text:
    return Text("accepted", style="green") if one.accepted else Text(f"refused ({one.status})", style="red")
