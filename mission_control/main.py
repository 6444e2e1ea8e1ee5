"""The command `mission-control`."""

import io
import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from mission_control.commands import archive, dashboards, dead_letters, keys, service, up
from mission_control.commands.backup import backup
from mission_control.commands.demo import demo
from mission_control.commands.doctor import doctor
from mission_control.commands.group import Commands, discard_stdout
from mission_control.commands.login import login
from mission_control.commands.logs import logs
from mission_control.commands.mcps import mcps
from mission_control.commands.migrate import migrate
from mission_control.commands.permissions import permissions
from mission_control.commands.rebuild import rebuild
from mission_control.commands.restore import restore
from mission_control.commands.roles import collect, process, serve
from mission_control.commands.sql import sql
from mission_control.commands.thread import thread
from mission_control.commands.threads import threads
from mission_control.commands.verify import verify

app: Final = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mission-control {version('mission-control')}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)] = False,
) -> None:
    """See what AI agents and MCP servers do now, and what they were allowed to do."""


RUN, LOOK, CARE = "Run", "Look", "Care"
app.command(rich_help_panel=RUN)(up.up)
for role in (collect, process, serve):
    app.command(rich_help_panel=RUN)(role)
app.command(rich_help_panel=RUN)(demo)
for look in (threads, thread, logs, permissions, mcps, sql, login):
    app.command(rich_help_panel=LOOK)(look)
app.command(rich_help_panel=CARE)(doctor)
app.command(rich_help_panel=CARE)(rebuild)
app.command(rich_help_panel=CARE)(backup)
app.command(rich_help_panel=CARE)(restore)
app.command(rich_help_panel=CARE)(migrate)
app.command(rich_help_panel=CARE)(verify)
app.add_typer(archive.app, name="archive", rich_help_panel=CARE)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=CARE)
app.add_typer(keys.app, name="keys", rich_help_panel=CARE)
app.add_typer(dashboards.app, name="dashboards", rich_help_panel=CARE)
app.add_typer(service.app, name="service", rich_help_panel=CARE)


def main() -> None:
    """The entry point. No text can fail to print, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()


if __name__ == "__main__":
    main()
