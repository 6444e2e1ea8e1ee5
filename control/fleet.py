"""The fleet as telemetry shows it: MCP servers with their tools and health, entities and their relationships.

Lists are counts by the hour, over all hours there ever were, which trail anyway: within two seconds all who ask for one share it.
"""

from typing import Any, Final

import orjson

from control import cursors
from control.errors import NotThereError
from control.projects import Projects
from control.reader import Reader, Row
from control.shared import Shared

_HEALTH_HOURS: Final = 24
_MOSTLY_FAILING: Final = 0.5


class Fleet:
    def __init__(self, reader: Reader, projects: Projects) -> None:
        self._reader = reader
        self._projects = projects
        self._shared: Shared[list[Row]] = Shared()

    async def mcps(self, project: str, limit: int, cursor: str | None) -> dict[str, Any]:
        return await self._page("mcps", project, {}, limit, cursor, {"after": "mcp_id", "after_project": "project"})

    async def _mcp(self, project: str, mcp_id: str) -> Row:
        names = await self._projects.meant(project)
        found = await self._reader.first("mcps", {"projects": names, "mcp_id": mcp_id, "limit": 1})
        if not found:
            raise NotThereError("MCP server", mcp_id, project)
        return found

    async def health(self, project: str, mcp_id: str) -> Row:
        """How it did in the last 24 hours, by hour. `health`: healthy, failing (half its calls of the last hour), silent."""
        mcp = await self._mcp(project, mcp_id)
        names = await self._projects.meant(project)
        hours = await self._reader.rows("mcp_hours", {"projects": names, "mcp_id": mcp_id, "hours": _HEALTH_HOURS})
        newest = hours[-1] if hours else None
        failing = newest is not None and newest["errors"] >= _MOSTLY_FAILING * max(newest["calls"], 1)
        health = "silent" if mcp["status"] != "connected" else "failing" if failing else "healthy"
        figures = {name: mcp[name] for name in ("project", "mcp_id", "status", "last_seen_at", "calls", "errors", "p50_ms", "p95_ms")}
        return {**figures, "health": health, "error_rate": mcp["errors"] / max(mcp["calls"], 1), "hours": hours}

    async def tools(self, project: str, mcp_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """The tools that were called; what a server offers beyond that telemetry does not say."""
        await self._mcp(project, mcp_id)
        return await self._page("mcp_tools", project, {"mcp_id": mcp_id}, limit, cursor, {"after": "name"})

    async def entities(self, project: str, wanted: dict[str, Any], limit: int, cursor: str | None) -> dict[str, Any]:
        """`wanted`: type, scope, validated, q; None means any."""
        return await self._page("entities", project, wanted, limit, cursor, {"after": "entity_id", "after_project": "project"})

    async def relationships(self, project: str, wanted: dict[str, Any], limit: int, cursor: str | None) -> dict[str, Any]:
        """`wanted`: type, entity_id (at either end); None means any."""
        place = {"after": "source_id", "after_target": "target_id", "after_type": "type", "after_project": "project"}
        return await self._page("relationships", project, wanted, limit, cursor, place)

    async def _page(
        self, name: str, project: str, wanted: dict[str, Any], limit: int, cursor: str | None, place: dict[str, str]
    ) -> dict[str, Any]:
        """`place` maps the query's cursor parameters to columns, in sort order."""
        after = cursors.decode(cursor, *(str for _ in place))
        parameters = {"projects": await self._projects.meant(project), "limit": limit + 1, **wanted}
        parameters |= dict(zip(place, after or (), strict=False))
        rows = await self._shared.get((name, orjson.dumps(parameters)), lambda: self._reader.rows(name, parameters))
        last = rows[limit - 1] if len(rows) > limit else None
        return {"items": rows[:limit], "next": last and cursors.encode([last[column] for column in place.values()])}
