"""`/api/threads…`: reading threads. Pausing, resuming, cancelling and messaging them is not routed yet."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from control import times
from control.parameters import MISSING, PAGE, PROJECT, Cursor, Id, Limit, Name, Names, Project, Since, Text, Until, kinds, levels
from control.problems import answer
from control.readings import Readings
from control.threads import DEFAULT_KINDS, ThreadFilter
from control.times import BEGINNING, END

Status = Literal["", "running", "stalled", "paused", "complete", "error", "cancelled"]


def threads_router(readings: Readings) -> APIRouter:
    router = APIRouter(prefix="/api/threads", tags=["threads"])

    @router.get("", responses=PAGE, summary="Threads, newest first")
    async def list_threads(
        status: Annotated[Status, Query(description="stalled: running, but silent for too long.")] = "",
        mcp_id: Name = "",
        project: Project = PROJECT,
        q: Text = "",
        since: Since = None,
        until: Until = None,
        kind: Annotated[Sequence[str], Query(description="agent, mcp, trace, or * for all; agent and mcp by default.")] = DEFAULT_KINDS,
        parent: Name = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        low, high = times.optional("from", since), times.optional("to", until)
        wanted = ThreadFilter(
            project, status, mcp_id, parent, q, kinds(kind), BEGINNING if low is None else low, END if high is None else high
        )
        return answer(await readings.threads.page(wanted, limit, cursor))

    @router.get("/{thread_id:id}", responses=MISSING, summary="One thread, with its scores")
    async def get_thread(thread_id: Id, project: Project = PROJECT) -> Response:
        return answer(await readings.threads.whole(project, thread_id))

    _parts(router, readings)
    return router


def _parts(router: APIRouter, readings: Readings) -> None:
    @router.get("/{thread_id:id}/timeline", responses={**PAGE, **MISSING}, summary="Steps and permission checks, oldest first")
    async def timeline(thread_id: Id, project: Project = PROJECT, limit: Limit = 100, cursor: Cursor = None) -> Response:
        thread = await readings.threads.place(project, thread_id)
        return answer(await readings.timeline.page(thread, limit, cursor))

    @router.get("/{thread_id:id}/transcript", responses={**PAGE, **MISSING}, summary="Messages, oldest first")
    async def transcript(thread_id: Id, project: Project = PROJECT, limit: Limit = 100, cursor: Cursor = None) -> Response:
        thread = await readings.threads.place(project, thread_id)
        return answer(await readings.transcript.page(thread, limit, cursor))

    @router.get("/{thread_id:id}/logs", responses={**PAGE, **MISSING}, summary="Log records, newest first")
    async def thread_logs(
        thread_id: Id,
        project: Project = PROJECT,
        level: Names = (),
        q: Text = "",
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        wanted_levels = levels(level)
        thread = await readings.threads.place(project, thread_id)
        wanted = await readings.logs.of_thread(thread, wanted_levels, q)
        return answer(await readings.logs.page(wanted, limit, cursor))

    @router.get("/{thread_id:id}/metrics", responses={**PAGE, **MISSING}, summary="What metrics say of it and of its services' processes")
    async def metrics(thread_id: Id, project: Project = PROJECT) -> Response:
        return answer(await readings.threads.metrics(project, thread_id))

    @router.get("/{thread_id:id}/at", responses=MISSING, summary="State at an instant")
    async def at(
        thread_id: Id, time: Annotated[str, Query(max_length=64, description="ISO-8601 or seconds since 1970.")], project: Project = PROJECT
    ) -> Response:
        return answer(await readings.threads.at(project, thread_id, times.parse("time", time)))
