"""`/api/scores`: what was judged, and judging."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import AfterValidator
from starlette.responses import Response

from control import times
from control.errors import BusyError
from control.parameters import PAGE, PROJECT, Cursor, Limit, Name, Project, Since, Until
from control.problems import answer
from control.readings import Readings
from control.scores import GivenScore, Scores
from schemas.ports import LogWriter


def _one(project: str) -> str:
    if not project.strip() or "*" in project:
        raise ValueError("name one project; * is for reading")
    return project


Target = Annotated[str, Query(max_length=128, description="Name of one project."), AfterValidator(_one)]


def scores_router(readings: Readings, log: LogWriter | None) -> APIRouter:
    """`log` is where given scores go; None where there is none."""
    router = APIRouter(prefix="/api/scores", tags=["scores"])
    giving = None if log is None else Scores(log)

    @router.get("", responses=PAGE, summary="Scores from evaluations, newest first")
    async def scores(
        thread_id: Name = "",
        name: Name = "",
        project: Project = PROJECT,
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        low, high = times.optional("from", since), times.optional("to", until)
        return answer(await readings.records.page("scores", project, {"thread_id": thread_id, "name": name}, limit, cursor, low, high))

    @router.post("", status_code=202, summary="Judge a thread, a trace or a step; kept when this answers, shown within a second")
    async def give(given: Annotated[GivenScore, Body()], project: Target = PROJECT) -> Response:
        if giving is None:
            raise BusyError("this process has no log to keep scores in", 60)
        return answer(await giving.give(project, given), 202)

    return router
