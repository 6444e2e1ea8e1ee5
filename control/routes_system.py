"""What the system says of itself: overview, projects, alerts, audit, dead letters, ledger, metrics, login URL.

Not routed yet: keys, users, preferences, saved views, export jobs, password login; acknowledging and silencing alerts.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from control import times
from control.auth import CODE_SECONDS, Doorkeeper
from control.figures import Figures
from control.parameters import PAGE, PROJECT, Cursor, Limit, Name, Project, Since, Text, Until
from control.problems import answer
from control.readings import Readings
from control.records import Table


class LoginUrl(BaseModel):
    """A URL that logs one browser in, once."""

    login_url: str
    expires_in: float


def system_router(readings: Readings, figures: Figures, doorkeeper: Doorkeeper) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["system"])

    @router.get("/overview", summary="What runs, waits and fails now")
    async def overview(project: Project = PROJECT) -> Response:
        return answer(await readings.overview.show(project))

    @router.get("/projects", responses=PAGE, summary="Projects that have anything")
    async def projects() -> Response:
        return answer({"items": await readings.projects.seen(), "next": None})

    @router.get("/metrics", summary="Current, peak and five minutes of this process's figures")
    async def metrics(project: Project = PROJECT) -> Response:
        mcps = await readings.fleet.mcps(project, 100, None)
        health = [{name: mcp[name] for name in ("mcp_id", "status", "last_seen_at", "calls", "errors", "p95_ms")} for mcp in mcps["items"]]
        return answer({**figures.show(), "mcps": health})

    @router.post("/auth/login-url", responses={200: {"model": LoginUrl}}, summary="A fresh one-time login URL")
    async def login_url(request: Request) -> Response:
        url = request.url_for("login").include_query_params(code=doorkeeper.mint_code())
        return answer({"login_url": str(url), "expires_in": CODE_SECONDS})

    return router


def records_router(readings: Readings) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["records"])

    async def page(
        table: Table,
        project: str,
        wanted: dict[str, Any],
        limit: int,
        cursor: str | None,
        since: str | None = None,
        until: str | None = None,
    ) -> Response:
        low, high = times.optional("from", since), times.optional("to", until)
        return answer(await readings.records.page(table, project, wanted, limit, cursor, low, high))

    @router.get("/alerts", responses=PAGE, summary="Alerts, newest first")
    async def alerts(
        status: Literal["", "pending", "firing", "resolved"] = "",
        severity: Name = "",
        project: Project = PROJECT,
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        return await page("alerts", project, {"status": status, "severity": severity}, limit, cursor, since, until)

    @router.get("/audit", responses=PAGE, summary="Who did what, newest first")
    async def audit(
        type: Name = "",
        severity: Name = "",
        user: Name = "",
        resource: Text = "",
        q: Text = "",
        project: Project = PROJECT,
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        wanted = {"type": type, "severity": severity, "user": user, "resource": resource, "q": q}
        return await page("audit", project, wanted, limit, cursor, since, until)

    _ingest(router, page)
    return router


def _ingest(router: APIRouter, page: Callable[..., Awaitable[Response]]) -> None:
    @router.get("/dead-letters", responses=PAGE, summary="What could not be stored, newest first")
    async def dead_letters(
        signal: Name = "",
        reason: Name = "",
        project: Project = "*",
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        return await page("dead_letters", project, {"signal": signal, "reason": reason}, limit, cursor, since, until)

    @router.get("/ledger", responses=PAGE, summary="What came in and what became of it, by minute, newest first")
    async def ledger(
        signal: Name = "",
        source: Name = "",
        project: Project = "*",
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        return await page("ledger", project, {"signal": signal, "source": source}, limit, cursor, since, until)
