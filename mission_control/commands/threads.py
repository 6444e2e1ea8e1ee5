"""`threads`: what runs, and what ran."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final, Protocol

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from mission_control.client import Row
from mission_control.commands.output import Cell, Fitting, People, cut, styled, write_json
from mission_control.commands.since import now
from mission_control.commands.target import Data, Json, Limit, Project, Token, Url, connect
from mission_control.commands.words import ago, count, duration, line, money

WATCH_SECONDS: Final = 1.0
NONE: Final = "no threads here; `mission-control demo` starts some, docs/start.md says how to connect an agent; --traces shows plain traces"
NO_MATCH: Final = "no thread is like that; --traces looks among plain traces too"
STATUSES: Final = ("running", "stalled", "paused", "complete", "error", "cancelled")


def _known(status: str) -> str:
    if status and status not in STATUSES:
        raise typer.BadParameter(f"there is no status {status}; there are {', '.join(STATUSES)}")
    return status


Status = Annotated[str, typer.Option("--status", callback=_known, help="running, stalled, paused, complete, error or cancelled.")]
Search = Annotated[str, typer.Option("--q", help="Text to look for.")]


class Look(Protocol):
    def __call__(self) -> list[Row]: ...


def threads(
    status: Status = "",
    project: Project = "*",
    q: Search = "",
    traces: Annotated[bool, typer.Option("--traces", help="Plain traces too, which are no agent's.")] = False,
    limit: Limit = 50,
    watch: Annotated[bool, typer.Option("--watch", help="Show what changes until Ctrl-C; with --json one array per line.")] = False,
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """List threads, newest first."""
    with connect(url, token, data) as api:

        def look() -> list[Row]:
            kind = "*" if traces else None
            return list(api.items("/api/threads", limit, status=status, project=project, q=q, kind=kind))

        if not watch:
            show(look(), as_json, NO_MATCH if q or status else NONE)
            return
        try:
            watch_json(look) if as_json else watch_people(look)
        except KeyboardInterrupt:
            return


def show(found: Sequence[Row], as_json: bool, none: str = NONE) -> None:
    if as_json:
        write_json(found)
    else:
        People().print(listing(found, none))


def listing(found: Sequence[Row], none: str = NONE) -> RenderableType:
    if not found:
        return Text(none)
    many = len({thread["project"] for thread in found}) > 1
    titles = ["!thread", "name", "!status", "?>started", "?>took", "?>steps", "?>errors", "?>tokens", "?>cost", "doing"]
    return Fitting([*titles, "project"] if many else titles, [_row(thread, now(), many) for thread in found])


def _row(thread: Row, moment: datetime, many: bool) -> list[Cell]:
    tokens = (thread["input_tokens"] or 0) + (thread["output_tokens"] or 0)
    errors = str(thread["error_count"] or "")
    cells: list[Cell] = [
        line(thread["thread_id"]),
        cut(thread["name"]),
        styled(state(thread)),
        ago(thread["started_at"], moment),
        duration(took(thread, moment)),
        str(thread["step_count"]),
        Text(errors, style="red"),
        count(tokens),
        money(thread["cost_usd"]),
        cut(doing(thread), "dim"),
    ]
    return [*cells, line(thread["project"])] if many else cells


def took(thread: Row, moment: datetime) -> float:
    """Milliseconds; of a thread that goes on, until now."""
    if thread["ended_at"]:
        return float(thread["duration_ms"])
    return max(0.0, (moment - datetime.fromisoformat(thread["started_at"])).total_seconds() * 1000)


def state(thread: Row) -> str:
    """Its status, and where that says too little, why nothing happens."""
    if thread["status"] != "running":
        return str(thread["status"])
    return "waiting" if thread.get("waiting_for") else "stalled" if thread.get("stalled_since") else "running"


def doing(thread: Row) -> str:
    if thread.get("waiting_for"):
        return f"waits for {thread['waiting_for']}"
    if thread.get("error_message"):
        return str(thread["error_message"])
    return str((thread["current_step"] if thread["status"] == "running" else "") or thread["user_input"] or "")


def watch_people(look: Look) -> None:
    console = People()
    if not console.is_terminal:
        for found in changes(look):
            console.print(listing(found))
        return
    with Live(listing(look()), console=console, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        while True:
            time.sleep(WATCH_SECONDS)
            live.update(listing(look()), refresh=True)


def watch_json(look: Look) -> None:
    for found in changes(look):
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def changes(look: Look) -> Iterator[list[Row]]:
    """The list whenever it is another than before."""
    before = None
    while True:
        found = look()
        if found != before:
            yield found
        before = found
        time.sleep(WATCH_SECONDS)
