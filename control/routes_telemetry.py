"""Logs, MCP servers, permissions, the graph, search: what agents sent."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from control import times
from control.logs import MEDIA_TYPES, Format, LogFilter
from control.parameters import MISSING, PAGE, PROJECT, Cursor, Id, Limit, Name, Names, Project, Since, Text, Until, levels, several
from control.permissions import Escalation, Granted, PermissionFilter
from control.problems import answer
from control.readings import Readings
from control.times import BEGINNING, END


def span(since: str | None, until: str | None) -> tuple[int, int]:
    low, high = times.optional("from", since), times.optional("to", until)
    return BEGINNING if low is None else low, END if high is None else high


def logs_router(readings: Readings) -> APIRouter:
    router = APIRouter(prefix="/api/logs", tags=["logs"])

    @router.get("", responses=PAGE, summary="Log records, newest first")
    async def list_logs(
        thread_id: Names = (),
        level: Names = (),
        mcp_id: Names = (),
        service: Names = (),
        project: Project = PROJECT,
        q: Text = "",
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
        offset: Annotated[int, Query(ge=0, le=100_000, description="Records to skip; a cursor is faster.")] = 0,
    ) -> Response:
        wanted = _log_filter(project, thread_id, level, mcp_id, service, q, span(since, until))
        return answer(await readings.logs.page(wanted, limit, cursor, offset))

    @router.get("/export", summary="Log records as a file", responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}})
    async def export(
        format: Format = "jsonl",
        thread_id: Names = (),
        level: Names = (),
        mcp_id: Names = (),
        service: Names = (),
        project: Project = PROJECT,
        q: Text = "",
        since: Since = None,
        until: Until = None,
        limit: Annotated[int | None, Query(ge=1, description="Most records; all by default.")] = None,
    ) -> Response:
        wanted = _log_filter(project, thread_id, level, mcp_id, service, q, span(since, until))
        headers = {"Content-Disposition": f'attachment; filename="logs.{format}"'}
        return StreamingResponse(readings.logs.export(wanted, format, limit), media_type=MEDIA_TYPES[format], headers=headers)

    return router


def _log_filter(
    project: str,
    threads: Sequence[str],
    given_levels: Sequence[str],
    mcps: Sequence[str],
    services: Sequence[str],
    q: str,
    times_: tuple[int, int],
) -> LogFilter:
    """Thread ids are taken as they are, because they may hold commas."""
    named = tuple(thread for thread in threads if thread)
    return LogFilter(project, named, levels(given_levels), several(mcps), several(services), q, *times_)


def mcps_router(readings: Readings) -> APIRouter:
    """Calling a tool (`POST /{id}/call`) is not routed yet."""
    router = APIRouter(prefix="/api/mcps", tags=["mcps"])

    @router.get("", responses=PAGE, summary="MCP servers seen in telemetry")
    async def list_mcps(project: Project = PROJECT, limit: Limit = 100, cursor: Cursor = None) -> Response:
        return answer(await readings.fleet.mcps(project, limit, cursor))

    @router.get("/{mcp_id:id}/health", responses=MISSING, summary="How a server did in the last 24 hours")
    async def health(mcp_id: Id, project: Project = PROJECT) -> Response:
        return answer(await readings.fleet.health(project, mcp_id))

    @router.get("/{mcp_id:id}/tools", responses={**PAGE, **MISSING}, summary="Tools of a server that were called")
    async def tools(mcp_id: Id, project: Project = PROJECT, limit: Limit = 100, cursor: Cursor = None) -> Response:
        return answer(await readings.fleet.tools(project, mcp_id, limit, cursor))

    return router


def permissions_router(readings: Readings) -> APIRouter:
    router = APIRouter(prefix="/api/permissions", tags=["permissions"])

    @router.get("/audit", responses=PAGE, summary="Permission checks, newest first")
    async def audit(
        granted: Annotated[Granted | None, Query(description="pending: not decided yet.")] = None,
        escalation: Annotated[Escalation | None, Query(description="Whether it is an escalation; or the rule by which it is one.")] = None,
        mcp_id: Name = "",
        user_id: Name = "",
        resource: Text = "",
        project: Project = PROJECT,
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        wanted = PermissionFilter(project, granted, escalation, "", mcp_id, user_id, resource, *span(since, until))
        return answer(await readings.permissions.page(wanted, limit, cursor))

    @router.get("/audit/{thread_id:id}", responses=PAGE, summary="A thread's permission checks, newest first, and their counts")
    async def thread_audit(
        thread_id: Id,
        granted: Granted | None = None,
        escalation: Escalation | None = None,
        project: Project = PROJECT,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        return answer(await readings.permissions.of_thread(PermissionFilter(project, granted, escalation, thread_id), limit, cursor))

    return router


EntityType = Literal["", "agent", "tool", "mcp", "model", "directive", "script", "knowledge"]
EdgeType = Literal["", "uses", "references", "inherits", "depends_on"]


def graph_router(readings: Readings) -> APIRouter:
    """Graph search, neighbours, paths, impact and layout are not routed yet."""
    router = APIRouter(prefix="/api/graph", tags=["graph"])

    @router.get("/entities", responses=PAGE, summary="Agents, tools, MCP servers and models")
    async def entities(
        type: EntityType = "",
        scope: Name = "",
        search: Text = "",
        validated: bool | None = None,
        project: Project = PROJECT,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        wanted: dict[str, Any] = {"type": type or None, "scope": scope or None, "q": search or None}
        wanted["validated"] = None if validated is None else int(validated)
        return answer(await readings.fleet.entities(project, wanted, limit, cursor))

    @router.get("/relationships", responses=PAGE, summary="Who uses what")
    async def relationships(
        type: EdgeType = "", entity_id: Name = "", project: Project = PROJECT, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        wanted = {"type": type or None, "entity_id": entity_id or None}
        return answer(await readings.fleet.relationships(project, wanted, limit, cursor))

    return router


Found = Literal["thread", "log", "entity"]


def search_router(readings: Readings) -> APIRouter:
    router = APIRouter(prefix="/api/search", tags=["search"])

    @router.get("", responses=PAGE, summary="Threads, logs and entities that show a text")
    async def search(
        q: Annotated[str, Query(min_length=2, max_length=1000)],
        project: Project = PROJECT,
        type: Annotated[Sequence[Found], Query(description="Only these kinds.")] = ("thread", "log", "entity"),
        since: Since = None,
        until: Until = None,
        limit: Limit = 10,
    ) -> Response:
        return answer(await readings.search.find(q, project, tuple(type), *span(since, until), limit))

    return router
