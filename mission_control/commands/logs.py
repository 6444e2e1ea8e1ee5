"""`logs`: what agents and servers wrote, before and from now on."""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.text import Text

from mission_control.client import Row, Target
from mission_control.commands.output import STYLES, People, write_json
from mission_control.commands.since import Since, now
from mission_control.commands.target import Data, Json, Limit, Project, Token, Url, connect, find
from mission_control.commands.words import clock, line, visible

LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")
MOST: Final = 1000
"""Records that the first answer of the WebSocket may hold."""
REMEMBERED: Final = 2000


def _levels(given: list[str]) -> list[str]:
    names = [name.strip().upper() for text in given for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(LEVELS))
    if unknown:
        raise typer.BadParameter(f"there is no level {', '.join(unknown)}; there are {', '.join(LEVELS)}")
    return names


Levels = Annotated[
    list[str], typer.Option("--level", callback=_levels, help="Only DEBUG, INFO, WARN or ERROR; may be given several times.")
]


def logs(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C; with --json one object per line.")
    ] = False,
    level: Levels = [],  # noqa: B006  Typer makes a new one for each call
    thread: Annotated[str, typer.Option("--thread", help="Only of this thread.")] = "",
    service: Annotated[str, typer.Option("--service", help="Only of this service.")] = "",
    q: Annotated[str, typer.Option("--q", help="Text that the message holds.")] = "",
    since: Since = None,
    project: Project = "*",
    limit: Limit = 100,
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Show log records, oldest first; the newest ones unless --limit is larger."""
    if follow:
        wanted = {"levels": level or LEVELS, "threads": _one(thread), "services": _one(service), "search": q, "from": since}
        follow_logs(lambda: find(url, token, data), f"logs:*?project={quote(project, safe='*')}", wanted, min(limit, MOST), as_json)
        return
    with connect(url, token, data) as api:
        given = {"level": level, "thread_id": thread, "service": service, "q": q, "from": since, "project": project}
        found = list(api.items("/api/logs", limit, **given))[::-1]
    if as_json:
        write_json(found)
        return
    console = People()
    for text in log_lines(found, now()):
        console.print(text, soft_wrap=True)
    if not found:
        console.print(Text("no log records"))


def _one(name: str) -> list[str]:
    return [name] if name else []


def log_lines(found: Iterable[Row], moment: datetime) -> Iterator[Text]:
    return (log_line(record, moment) for record in found)


def log_line(record: Row, moment: datetime) -> Text:
    """Time, level, service, message, thread; an exception on lines of its own."""
    level = str(record["level"])
    text = Text(clock(record["timestamp"], moment), style="dim")
    text.append(f" {line(level):5} ", style=STYLES.get(level, ""))
    text.append(f"{line(record['service'])} ", style="bold")
    text.append(line(record["message"], longest=4000) or line(record["event_name"]), style="default")
    if record["thread_id"]:
        text.append(f"  {line(record['thread_id'])}", style="dim")
    for part in visible(str(record.get("exception") or "")).splitlines():
        text.append(f"\n    {part}", style="red")
    return text


def follow_logs(look: Callable[[], Target], channel: str, wanted: Mapping[str, Any], limit: int, as_json: bool) -> None:
    """Until Ctrl-C, which is how this ends well."""
    from mission_control.commands.follow import Follower

    given = {name: value for name, value in wanted.items() if value}
    printer = Printer(as_json)
    try:
        for message in Follower(look, channel, given, limit, tell).rows():
            printer.show(message)
    except KeyboardInterrupt:
        return


def tell(what: str) -> None:
    print(f"mission-control: {what}", file=sys.stderr, flush=True)


class Printer:
    """Prints each record once, though a snapshot after a long interruption shows again what was there before."""

    def __init__(self, as_json: bool) -> None:
        self._console = None if as_json else People()
        self._shown: deque[str] = deque(maxlen=REMEMBERED)

    def show(self, message: Row) -> None:
        payload = message["payload"]
        if message["type"] == "dropped":
            tell(payload["reason"])
        elif message["type"] == "event":
            self._print({"project": message["project"], **payload})
        elif not payload["resumed"]:
            known = set(self._shown)
            for record in reversed(payload["snapshot"]["logs"]):
                if record["log_id"] not in known:
                    self._print(record)
        sys.stdout.flush()

    def _print(self, record: Row) -> None:
        self._shown.append(record["log_id"])
        if self._console is None:
            sys.stdout.write(json.dumps(record) + "\n")
        else:
            self._console.print(log_line(record, now()), soft_wrap=True)
