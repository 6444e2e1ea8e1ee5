"""`permissions`: what agents asked for, and what they were allowed."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from mission_control.client import Api, Row, path_of
from mission_control.commands.output import Cell, Fitting, People, cut, styled, write_json
from mission_control.commands.since import Since, now
from mission_control.commands.target import Data, Json, Limit, Project, Token, Url, connect
from mission_control.commands.words import ago, duration, instant, line


def permissions(
    denied: Annotated[bool, typer.Option("--denied", help="Only what was denied.")] = False,
    pending: Annotated[bool, typer.Option("--pending", help="Only what waits for a decision.")] = False,
    escalation: Annotated[
        str, typer.Option("--escalation", help="Only escalations: true for all, or the rule that found them, such as new_for_agent.")
    ] = "",
    thread: Annotated[str, typer.Option("--thread", help="Only checks of this thread.")] = "",
    since: Since = None,
    project: Project = "*",
    limit: Limit = 50,
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """List permission checks, newest first."""
    if denied and pending:
        raise typer.BadParameter("a check is denied or pending; give one of --denied and --pending")
    granted = "false" if denied else "pending" if pending else None
    with connect(url, token, data) as api:
        found = list(_read(api, thread, since, limit, {"granted": granted, "escalation": escalation or None, "project": project}))
    if as_json:
        write_json(found)
    else:
        People().print(listing(found) if found else Text("no permission checks"))


def _read(api: Api, thread: str, since: str | None, limit: int, wanted: dict[str, str | None]) -> Iterator[Row]:
    if not thread:
        return api.items("/api/permissions/audit", limit, **wanted, **{"from": since})
    earliest = instant(since)
    checks = api.items(path_of("permissions", "audit", thread), limit, **wanted)
    return takewhile(lambda check: earliest is None or (instant(check["timestamp"]) or earliest) >= earliest, checks)


def listing(found: Sequence[Row]) -> RenderableType:
    return Fitting(("!when", "!decision", "who", "?action", "resource", "?>waited", "why", "?thread"), [_row(check) for check in found])


def _row(check: Row) -> list[Cell]:
    decision = "pending" if check["granted"] is None else "allowed" if check["granted"] else "denied"
    kind = check["escalation_rule"].replace("_", " ")
    escalation = Text(f"escalation: {kind} ", style="bold red") if check["escalation_detected"] else ""
    return [
        ago(check["timestamp"], now()),
        styled(decision),
        cut(check["agent_name"] or check["subject"]),
        line(check["action"]),
        cut(check["resource"]),
        duration(check["waited_ms"] or None),
        cut(check["reason"] or check["escalation_reason"], before=escalation),
        cut(check["thread_id"], "dim"),
    ]
