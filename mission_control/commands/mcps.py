"""`mcps`: the MCP servers that telemetry shows."""

from rich.text import Text

from mission_control.client import Row
from mission_control.commands.output import Cell, Fitting, People, cut, styled, write_json
from mission_control.commands.since import now
from mission_control.commands.target import Data, Json, Limit, Project, Token, Url, connect
from mission_control.commands.words import ago, count, duration, line


def mcps(project: Project = "*", limit: Limit = 100, as_json: Json = False, url: Url = "", token: Token = "", data: Data = None) -> None:
    """List MCP servers with their calls, errors and times."""
    with connect(url, token, data) as api:
        found = list(api.items("/api/mcps", limit, project=project))
    if as_json:
        write_json(found)
        return
    titles = ("!server", "!status", ">last call", ">calls", ">errors", "?>p50", "?>p95", "tools", "project")
    People().print(Fitting(titles, [_row(one) for one in found]) if found else Text("no MCP servers were called yet"))


def _row(one: Row) -> list[Cell]:
    return [
        line(one["mcp_id"]),
        styled(one["status"]),
        ago(one["last_seen_at"], now()),
        count(one["calls"]),
        Text(str(one["errors"] or ""), style="red"),
        duration(one["p50_ms"]),
        duration(one["p95_ms"]),
        cut(", ".join(one["tools"])),
        cut(one["project"], "dim"),
    ]
