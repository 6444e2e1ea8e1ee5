"""`keys`: who may send OTLP: make a key, see which there are, take one back."""

from typing import Annotated, Final

import typer
from rich.text import Text

from mission_control.commands.output import People, cut, facts, table, write_json
from mission_control.commands.target import Data, Json, Token, Url, find
from mission_control.commands.words import line

app: Final = typer.Typer(no_args_is_help=True, help="Keys of senders: make one, list them, revoke one.")

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, for people.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="As `list` shows it.")]
Bound = Annotated[str, typer.Option("--project", help="The only project its holder may send into; else any.")]


@app.command()
def create(name: KeyName, project: Bound = "", as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """Make a key for a sender and show it, this once. From the first key on every sender needs one."""
    from mission_control.commands.socket import order

    made = order(find(url, token, data), "keys.create", {"name": name, "project": project})
    if as_json:
        write_json(made)
        return
    shown = [("id", made["key_id"]), ("name", made["name"]), ("project", made["project"] or "any"), ("key", made["key"])]
    People().print(facts(("!", "!"), [(Text(what, style="bold"), line(value)) for what, value in shown]))
    typer.echo("It is not shown again. Senders use it as `Authorization: Bearer KEY`.")


@app.command("list")
def list_(as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """List keys, revoked ones too; the keys themselves are not kept."""
    from mission_control.commands.socket import order

    found = order(find(url, token, data), "keys.list", {})["items"]
    if as_json:
        write_json(found)
        return
    titles = ("!id", "name", "project", "!created", "!revoked")
    rows = [
        (line(key["key_id"]), cut(key["name"]), cut(key["project"] or "any"), line(key["created_at"]), line(key["revoked_at"]))
        for key in found
    ]
    People().print(table(titles, rows) if rows else Text("no keys; whoever reaches the OTLP ports may send"))


@app.command()
def revoke(key: KeyId, as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """Take a key back: within seconds no collector takes it any more."""
    from mission_control.commands.socket import order

    done = order(find(url, token, data), "keys.revoke", {"key_id": key})
    if as_json:
        write_json(done)
    else:
        typer.echo(f"{done['key_id']} ({done['name']}) is revoked")
