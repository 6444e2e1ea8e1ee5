"""`thread ID`: one thread whole."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from mission_control.client import Api, Row, path_of
from mission_control.commands.logs import log_lines
from mission_control.commands.output import STYLES, Cell, People, cut, facts, styled, table, write_json
from mission_control.commands.permissions import listing as permission_listing
from mission_control.commands.since import now
from mission_control.commands.target import Data, Json, Project, Token, Url, connect
from mission_control.commands.threads import doing, state, took
from mission_control.commands.tree import walk
from mission_control.commands.words import ago, count, duration, instant, line, money, visible

SHOWN_SCORES: Final = 10


def thread(
    thread_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the thread, as `threads` shows it.")],
    project: Project = "*",
    transcript: Annotated[bool, typer.Option("--transcript", help="Its messages too.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Its log records too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many steps, messages and log records each.")] = 1000,
    as_json: Json = False,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Show one thread: what it is, what it did, what it was allowed to do."""
    with connect(url, token, data) as api:
        found = read(api, thread_id, project, limit, {"transcript": transcript, "logs": logs})
    if as_json:
        write_json(found)
    else:
        show(People(), found, limit)


def read(api: Api, thread_id: str, project: str, limit: int, wanted: dict[str, bool]) -> Row:
    """thread, timeline, permissions, and of transcript and logs what is wanted."""
    row = api.get(path_of("threads", thread_id), project=project)
    place = row["project"]

    def part(*path: str) -> list[Row]:
        return list(api.items(path_of(*path), limit, project=place))

    found = {
        "thread": row,
        "timeline": part("threads", thread_id, "timeline"),
        "permissions": part("permissions", "audit", thread_id),
    }
    if wanted["transcript"]:
        found["transcript"] = part("threads", thread_id, "transcript")
    if wanted["logs"]:
        found["logs"] = part("threads", thread_id, "logs")
    return found


def show(console: People, found: Row, limit: int) -> None:
    one = found["thread"]
    console.print(header(one))
    _section(console, "timeline", timeline(one, found["timeline"]))
    if len(found["timeline"]) >= limit:
        console.print(Text(f"the first {limit} steps; --limit shows more", style="dim"))
    if found["permissions"]:
        _section(console, "permissions", permission_listing(found["permissions"]))
    if "transcript" in found:
        _section(console, "transcript", *(message(item) for item in found["transcript"]))
    if "logs" in found:
        _section(console, "logs", *log_lines(reversed(found["logs"]), now()))


def _section(console: People, title: str, *parts: Any) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    for part in parts:
        console.print(part)


def header(one: Row) -> Any:
    moment = now()
    tokens = f"{count(one['input_tokens'])} in, {count(one['output_tokens'])} out"
    said: list[tuple[str, Any]] = [
        ("thread", one["thread_id"]),
        ("project", one["project"]),
        ("name", one["name"]),
        ("status", cut(_now(one), "dim", before=Text(f"{state(one)}  ", style=STYLES.get(state(one), "")))),
        ("waits since", ago(one["waiting_since"], moment) if one["waiting_since"] else ""),
        ("asked", one["user_input"]),
        ("parent", one["parent_thread_id"]),
        ("user", one["user_id"]),
        ("started", f"{ago(one['started_at'], moment)}, took {duration(took(one, moment))}"),
        ("last seen", ago(one["last_seen_at"], moment)),
        ("work", f"{one['step_count']} steps, {one['llm_calls']} model calls, {one['tool_calls']} tool calls, {one['error_count']} errors"),
        (
            "checks",
            f"{one['permission_checks']} asked, {one['permission_denials']} denied, {one['escalations']} escalations, {one['unchecked_calls']} tool calls unchecked",
        ),
        ("tokens", tokens + (f", {money(one['cost_usd'])}" if one["cost_usd"] is not None else "")),
        ("models", ", ".join(one["models"])),
        ("servers", ", ".join(one["mcp_ids"])),
        ("scores", ", ".join(judged(score) for score in one["scores"][:SHOWN_SCORES])),
        ("error", one["error_message"]),
    ]
    shown = [(Text(name, style="bold"), value if isinstance(value, Text) else cut(value)) for name, value in said if value]
    return facts(("!", ""), shown)


def _now(one: Row) -> str:
    """What it does or waits for; what it was asked and why it failed have lines of their own."""
    said = doing(one)
    return "" if said in (one["user_input"], one["error_message"]) else said


def judged(score: Row) -> str:
    """A score in a few words: what, how, by whom."""
    number = "" if score["value"] is None else f"{score['value']:g}"
    return " ".join(word for word in (score["name"], number, score["label"], f"({score['source']})" if score["source"] else "") if word)


def timeline(one: Row, items: Sequence[Row]) -> Any:
    if not items:
        return Text("no steps yet")
    start = instant(one["started_at"])
    rows: list[list[Cell]] = []
    for depth, item in walk(items):
        when = instant(item["started_at"])
        offset = duration((when - start).total_seconds() * 1000) if start and when and when >= start else ""
        rows.append(
            [offset, duration(item["duration_ms"]), styled(_status(item)), cut(_what(item), before="  " * depth), cut(_note(item), "dim")]
        )
    return table((">at", ">took", "!status", "step", ""), rows)


def _status(item: Row) -> str:
    check = item.get("permission")
    if not check:
        return str(item["status"])
    return "pending" if check["granted"] is None else "allowed" if check["granted"] else "denied"


def _what(item: Row) -> str:
    """Its type where the name does not begin with what it does."""
    kind = {"llm_call": "model", "tool_call": "tool", "check_permission": "may"}.get(str(item["type"]), "")
    return f"{kind} {item['name']}".strip()


def _note(item: Row) -> str:
    if item.get("error_message"):
        return str(item["error_message"])
    if item["type"] == "llm_call":
        model = str(item.get("model") or item.get("request_model") or "")
        named = "" if model in item["name"] else f"{model} "
        return f"{named}{count(item.get('input_tokens'))} in, {count(item.get('output_tokens'))} out"
    return str(item.get("description") or item.get("mcp_id") or "")


def message(item: Row) -> Text:
    """Who said it, and what, over as many lines as it has."""
    who = str(item["role"]) + (f" {item['tool_name']}" if item["tool_name"] else "")
    body = "\n".join(f"  {part}" for part in visible(str(item["content"])).splitlines())
    return Text(f"{line(who)}\n", style="bold") + Text(body, style="default")
