"""`rebuild`: derive everything again from what is stored."""

import time
from typing import Annotated, Final

import typer

from mission_control.client import Row, Target
from mission_control.commands.output import write_json
from mission_control.commands.since import parse
from mission_control.commands.target import Data, Json, Token, Url, find
from mission_control.commands.words import count, line
from mission_control.errors import CommandError

LOOK_SECONDS: Final = 0.5


def _parsed(text: str | None) -> str | None:
    return parse(text) if text else None


From = Annotated[
    str | None,
    typer.Option("--from", "--since", metavar="TIME", callback=_parsed, help="Only what was received since: 24h, 7d or an ISO time."),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", callback=_parsed, help="Only what was received until then.")]


def rebuild(
    since: From = None,
    until: To = None,
    project: Annotated[str, typer.Option("--project", help="Only this project.")] = "",
    dialect: Annotated[str, typer.Option("--dialect", help="Only what came in this dialect.")] = "",
    translate: Annotated[
        bool, typer.Option("--translate", help="Translate what senders said anew first: after a dialect was mended.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Only say how far the last one is.")] = False,
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Derive threads, steps and figures again from what is stored, while records go on coming; what was interrupted goes on where it stopped."""
    from mission_control.commands.socket import order

    target = find(url, token, data)
    wanted = {"from": since, "to": until, "project": project, "dialect": dialect, "translate": translate}
    if status:
        progress = order(target, "rebuild.status", {})
    else:
        progress = order(target, "rebuild", {name: value for name, value in wanted.items() if value})
        progress = progress if detach else _await(target, progress)
    if as_json:
        write_json(progress)
    else:
        typer.echo(_said(progress))
    if not status and progress["state"] not in ("running", "complete"):
        raise CommandError(f"the rebuild ended early: {progress['state']}; the same command goes on where it stopped")


def _await(target: Target, progress: Row) -> Row:
    """Ctrl-C stops the waiting, not the work."""
    from mission_control.commands.socket import order

    try:
        while progress["state"] == "running":
            time.sleep(LOOK_SECONDS)
            progress = order(target, "rebuild.status", {})
    except KeyboardInterrupt:
        typer.echo("it goes on; `mission-control rebuild --status` says how far it is", err=True)
    return progress


def _said(progress: Row) -> str:
    if progress["state"] == "none":
        return "no rebuild was asked for yet"
    requests = f", {count(progress['requests'])} requests of logs" if progress.get("translate") else ""
    return line(f"{progress['state']}, {count(progress.get('traces'))} traces{requests}")
