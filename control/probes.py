"""`/health`, `/ready`, `/metrics` (outside the gate), `/login`, `/docs`."""

import asyncio
import html
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from control.auth import COOKIE, SESSION_SECONDS, Doorkeeper
from control.problems import answer
from schemas.guard import Allowed, HostGuard
from schemas.metrics import Metrics
from schemas.settings import Settings

Check = Callable[[], str]
"""Returns "" when all is well, else what is not; may block a little, runs on a thread."""
NOT_READY: Final = 503


def probes_router(checks: Mapping[str, Check], metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["probes"])

    @router.get("/health", summary="Whether the process is alive")
    async def health() -> Response:
        return answer({"status": "ok"})

    @router.get("/ready", summary="Whether it can do its work", responses={503: {"description": "Not ready; says what is missing."}})
    async def ready() -> Response:
        names = list(checks)
        results = await asyncio.gather(*(asyncio.to_thread(_run, checks[name]) for name in names))
        is_ready = not any(results)
        body = {"ready": is_ready, "checks": {name: result or "ok" for name, result in zip(names, results, strict=True)}}
        return answer(body, 200 if is_ready else NOT_READY)

    @router.get("/metrics", summary="Prometheus metrics")
    async def prometheus() -> Response:
        text = await asyncio.to_thread(generate_latest, metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def probes_app(checks: Mapping[str, Check], metrics: Metrics, settings: Settings) -> FastAPI:
    """All that a role without an API shows."""
    app = FastAPI(title="Mission Control", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(probes_router(checks, metrics))
    app.add_middleware(HostGuard, allowed=Allowed.of(settings))
    return app


def _run(check: Check) -> str:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  a check that fails is an answer
        return f"{type(error).__name__}: {error}"


def login_router(doorkeeper: Doorkeeper) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/login", name="login")
    async def login(request: Request, code: Annotated[str, Query(max_length=200)] = "") -> Response:
        session = doorkeeper.redeem(code) if code else None
        if session is None:
            return _explain("This login URL was used already, or is too old." if code else "This browser is not logged in.")
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, session, SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
        return response

    return router


def _explain(what: str) -> Response:
    text = f"""{what}</p>
<p>Open the login URL that <code>mission-control up</code> prints when it starts (it works once), or take a fresh one from
<code>mission-control login</code> or <code>POST /api/auth/login-url</code>.</p>
<p>Programs send the token of <code>run.json</code> as <code>Authorization: Bearer TOKEN</code>."""
    return HTMLResponse(_page("Log in", f"<p>{text}</p>"), 401, {"Cache-Control": "no-store"})


def docs_router(document: Callable[[], Mapping[str, Any]]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> Response:
        return HTMLResponse(_page("API", _operations(document())))

    return router


def _operations(document: Mapping[str, Any]) -> str:
    parts = ['<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>']
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{html.escape(operation.get('summary', ''))}</p>")
            rows = [_parameter(parameter) for parameter in operation.get("parameters", [])]
            parts.append(f"<table>{''.join(rows)}</table>" if rows else "")
    return "".join(parts)


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    about = parameter.get("description", "") + (f" Default: {schema['default']}." if schema.get("default") else "")
    words = " ".join(str(word) for word in schema.get("enum", ()) if word)
    cells = (parameter["name"], parameter["in"], words or schema.get("type", ""), about)
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Mission Control</title>'
        f'<meta name="viewport" content="width=device-width"></head><body><main><h1>{title}</h1>{body}</main></body></html>'
    )
