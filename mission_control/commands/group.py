"""The command group: errors raised on purpose become one line on stderr and an exit status."""

import os
import sys
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError as SourceError
from typer.core import TyperGroup
from yaml import YAMLError

from mission_control.commands.words import visible
from mission_control.errors import FAILED, USAGE
from schemas.errors import MissionControlError, SettingsError


class Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            discard_stdout()
            raise typer.Exit(0) from error
        except (MissionControlError, ValidationError, SourceError, YAMLError, PermissionError) as error:
            print(f"mission-control: {visible(describe(error))}", file=sys.stderr)
            raise typer.Exit(exit_code(error)) from error


def describe(error: Exception) -> str:
    """One line for a setting that is wrong, else what the error says."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in error.errors(include_input=False))
    if isinstance(error, YAMLError):
        return "mission_control.yml: " + " ".join(str(error).split())
    return " ".join(str(error).split()) if isinstance(error, SourceError) else str(error)


def exit_code(error: Exception) -> int:
    if isinstance(error, ValidationError | SourceError | YAMLError | SettingsError):
        return USAGE
    return int(getattr(error, "exit_code", FAILED))


def discard_stdout() -> None:
    """Nobody reads any more: the interpreter's own flush at exit must not complain about it."""
    handle = os.open(os.devnull, os.O_WRONLY)
    os.dup2(handle, sys.stdout.fileno())
    os.close(handle)
