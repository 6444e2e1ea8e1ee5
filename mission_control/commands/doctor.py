"""`doctor`: what is wrong here, and what to do about it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Final

import typer

from mission_control.client import Api, Target
from mission_control.commands import at_rest, checks, in_transit, round_trip
from mission_control.commands.checks import Finding
from mission_control.commands.output import People, cut, facts, styled, write_json
from mission_control.commands.target import Data, Json, Token, Url, find
from mission_control.commands.words import line
from mission_control.errors import FAILED, NothingRunningError, RefusedError, UnreachableError
from schemas.settings import load_settings

_OF_A_RUNNING_SYSTEM: Final[tuple[Callable[[Api], Finding], ...]] = (
    round_trip.ready,
    round_trip.token,
    round_trip.grpc,
    round_trip.clock,
    round_trip.round_trip,
)


def doctor(as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """Check this machine and the running system; every finding says what to do. Sends one span into project doctor."""
    settings = load_settings(data_dir=data)
    try:
        target: Target | None = find(url, token, data)
    except NothingRunningError:
        target = None
    findings = [
        checks.python(),
        checks.packages(),
        checks.data_directory(settings.data_dir, settings.log_min_free_bytes),
        checks.disk_sync(settings.data_dir),
        at_rest.encryption(settings),
        in_transit.encryption(settings),
        *([] if url else [checks.run_file(settings.data_dir)]),
        *checks.ports(settings, target),
        *running(target),
        checks.environment(os.environ, target),
    ]
    if as_json:
        write_json([asdict(finding) for finding in findings])
    else:
        rows = [(styled(one.status), line(one.check), cut(one.found)) for one in findings]
        console = People()
        console.print(facts(("!", "!", ""), rows))
        for one in findings:
            if one.advice:
                console.print(f"{one.check}: {line(one.advice)}", style="bold", soft_wrap=True)
    if any(one.status == "fail" for one in findings):
        raise typer.Exit(FAILED)


def running(target: Target | None) -> Iterator[Finding]:
    if target is None:
        yield Finding("running", "fail", "no Mission Control runs here", "start one with `mission-control up`")
        return
    with Api(target) as api:
        alive = round_trip.health(api)
        yield alive
        if alive.status != "ok":
            return
        for look in _OF_A_RUNNING_SYSTEM:
            try:
                yield look(api)
            except (UnreachableError, RefusedError) as error:
                yield Finding(look.__name__, "fail", str(error), "look at the log of `up`")
