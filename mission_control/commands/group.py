"""The command group: errors raised on purpose become one line on stderr and an exit status."""

import os
import re
import sys
from difflib import get_close_matches
from typing import Any, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError as SourceError
from typer.core import TyperGroup
from yaml import YAMLError

from mission_control.commands.words import visible
from mission_control.errors import FAILED, USAGE
from schemas.errors import MissionControlError, SettingsError
from schemas.settings import Settings


class Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            discard_stdout()
            raise typer.Exit(0) from error
        except (MissionControlError, ValidationError, SourceError, YAMLError) as error:
            _fail(error)
        except OSError as error:
            if error.filename is None:
                raise
            _fail(error)


def _fail(error: Exception) -> NoReturn:
    print(f"mission-control: {visible(describe(error))}", file=sys.stderr)
    raise typer.Exit(exit_code(error)) from error


def describe(error: Exception) -> str:
    """One line for a setting that is wrong, else what the error says."""
    if isinstance(error, ValidationError):
        return "; ".join(_fault(fault) for fault in error.errors(include_input=False))
    if isinstance(error, YAMLError):
        return "mission_control.yml: " + " ".join(str(error).split())
    if isinstance(error, SourceError):
        name = re.search(r'field "(\w+)"', str(error))
        return f"{name[1] if name else 'settings'}: is not JSON; docs/reference/settings.md has an example of each setting that takes some"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror or error}"
    return str(error)


def _fault(fault: ErrorDetails) -> str:
    """A setting and what is wrong with it; a name that is none, with the one that was perhaps meant."""
    name = ".".join(map(str, fault["loc"])) or "settings"
    if fault["type"] != "extra_forbidden":
        return f"{name}: {fault['msg'].removeprefix('Value error, ')}"
    near = get_close_matches(name, Settings.model_fields, n=1)
    return f"{name}: there is no such setting" + (f"; perhaps {near[0]} is meant" if near else "; docs/reference/settings.md lists them")


def exit_code(error: Exception) -> int:
    if isinstance(error, ValidationError | SourceError | YAMLError | SettingsError):
        return USAGE
    return int(getattr(error, "exit_code", FAILED))


def discard_stdout() -> None:
    """Nobody reads any more: the interpreter's own flush at exit must not complain about it."""
    handle = os.open(os.devnull, os.O_WRONLY)
    os.dup2(handle, sys.stdout.fileno())
    os.close(handle)
