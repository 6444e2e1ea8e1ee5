"""`login`: let a browser in."""

import typer

from mission_control.commands.output import write_json
from mission_control.commands.target import Data, Json, Token, Url, connect
from mission_control.commands.words import line


def login(as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """Print a fresh URL that logs one browser in, once."""
    with connect(url, token, data) as api:
        given = api.post("/api/auth/login-url")
    if as_json:
        write_json(given)
    else:
        typer.echo(line(given["login_url"], longest=4000))
