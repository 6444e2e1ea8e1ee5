"""The command `mission-control`."""

import io
import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from mission_control.commands import up
from mission_control.commands.group import Commands, discard_stdout

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
app.command(rich_help_panel=CARE)(up.migrate)


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
